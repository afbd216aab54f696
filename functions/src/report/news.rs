//! What an event has to say that somebody should hear.

use farm_model::event::{DecodeError, Event, Message};
use farm_model::message::result::{BuildersBroken, BuildersMended, MachineBack, MachineMissing};

/// One piece of news.
#[derive(Debug)]
pub(super) enum News {
    Broken(BuildersBroken),
    Mended(BuildersMended),
    Missing(MachineMissing),
    Back(MachineBack),
}

/// Whom news concerns beside those who hear of everything.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Concerned<'a> {
    /// Who wrote the commit: `Ann Example <ann@example.com>`.
    Author(&'a str),
    /// Whose machine it is, by address. Nobody else's business.
    Owner(&'a str),
}

impl News {
    /// What `event` says; none where that is for others.
    ///
    /// # Errors
    /// It is of a type that we know and does not read.
    pub(super) fn of(event: &Event) -> Result<Option<Self>, DecodeError> {
        Ok(Some(match event.kind.as_str() {
            BuildersBroken::TYPE => Self::Broken(event.decode()?),
            BuildersMended::TYPE => Self::Mended(event.decode()?),
            MachineMissing::TYPE => Self::Missing(event.decode()?),
            MachineBack::TYPE => Self::Back(event.decode()?),
            _ => return Ok(None),
        }))
    }

    /// Whom it concerns; none where it names nobody.
    pub(super) fn concerned(&self) -> Option<Concerned<'_>> {
        match self {
            Self::Broken(BuildersBroken { breakages, .. })
            | Self::Mended(BuildersMended { breakages, .. }) => {
                // All of one commit.
                breakages.first().map(|of| Concerned::Author(&of.author))
            }
            Self::Missing(MachineMissing { owner, .. }) | Self::Back(MachineBack { owner, .. }) => {
                Some(Concerned::Owner(owner))
            }
        }
    }
}
