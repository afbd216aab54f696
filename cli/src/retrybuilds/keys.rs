//! Which key is sent for a builder. None is ever printed.

use std::path::PathBuf;

use anyhow::{Context, bail};
use farm_wire::keys::{MasterKey, key_2019};

use super::flags::Flags;
use crate::session::Session;
use crate::token::read_key;

/// Where it was in 2019, below the user's own folder.
const USUAL: &str = "keys/gobuilder-master.key";

/// What there is.
pub(super) enum Keys {
    /// The master key makes each builder's.
    Made(MasterKey),
    /// The same for all: one builder's, or the master key itself.
    Same(String),
}

impl Keys {
    /// The master key where it can be read, or else the key given.
    pub(super) fn read(flags: &Flags, session: &Session) -> anyhow::Result<Self> {
        let usual = || session.home.as_ref().map(|home| home.join(USUAL));
        let path = match flags.masterkey.as_str() {
            "" => usual(),
            path => Some(PathBuf::from(path)),
        };
        let master = path.as_deref().map(read_key);
        match master {
            Some(Ok(key)) if flags.sendmaster => Ok(Self::Same(key)),
            Some(Ok(key)) => Ok(Self::Made(MasterKey::new(key.as_bytes())?)),
            Some(Err(error)) if flags.sendmaster || !flags.masterkey.is_empty() => Err(error),
            _ if flags.key.is_empty() => bail!(
                "no key: -masterkey or -key names a file with one{}",
                path.map(|path| format!("; there is none in {}", path.display()))
                    .unwrap_or_default()
            ),
            _ => read_key(flags.key.as_ref()).map(Self::Same).context("-key"),
        }
    }

    /// The one for this builder.
    pub(super) fn of(&self, builder: &str) -> String {
        match self {
            Self::Made(master) => key_2019(master, builder),
            Self::Same(key) => key.clone(),
        }
    }
}
