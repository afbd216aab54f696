//! The pages that are measured, and their addresses.

use clap::ValueEnum;
use farm_model::id::AttemptKey;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::history::{BRANCH, History};

/// A kind of page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Page {
    /// The newest thirty commits
    Grid,
    /// Older ones, from all over the history
    Sheet,
    /// The newest thirty, with a filter
    Filter,
    /// A commit
    Commit,
    /// A build
    Build,
    /// A builder
    Builder,
    /// All builders
    Builders,
    /// What failed lately, by reason
    Failures,
    /// Tests that failed lately
    Tests,
    /// One of them
    Test,
    /// Machines and hubs
    Machines,
    /// The queue of a host type
    Queue,
    /// Tests that fail by chance
    Flakes,
    /// A log of a megabyte, as a page
    Log,
    /// A log of 100 MB, as a page
    LargeLog,
    /// A piece of a log, as a client that follows it asks for it
    LogPiece,
    /// The newest thirty commits as JSON
    GridJson,
    /// The same for clients of 2019
    Json2019,
    /// The feed of breakages
    Atom,
    /// A badge
    Badge,
}

impl Page {
    pub const ALL: [Self; 20] = [
        Self::Grid,
        Self::Sheet,
        Self::Filter,
        Self::Commit,
        Self::Build,
        Self::Builder,
        Self::Builders,
        Self::Failures,
        Self::Tests,
        Self::Test,
        Self::Machines,
        Self::Queue,
        Self::Flakes,
        Self::Log,
        Self::LargeLog,
        Self::LogPiece,
        Self::GridJson,
        Self::Json2019,
        Self::Atom,
        Self::Badge,
    ];

    /// The address of the `n`th request.
    pub fn address(self, history: &History, n: u64, large: &AttemptKey) -> String {
        let place = history.somewhere(n % crate::measure::BUILDS);
        let branch = format!("repo={}&branch={BRANCH}", history.repo);
        let builder = &history.builders[place.builder];
        let build = history.key(place).id();
        match self {
            Self::Grid => format!("/?{branch}"),
            Self::Sheet => format!("/?{branch}&sheet={}", n * 7919 % history.sheets()),
            Self::Filter => format!("/?{branch}&builder={}", encoded(builder.as_str())),
            Self::Commit => {
                let commit = history.id(place.commit);
                format!("/commits/{commit}?repo={}", history.repo)
            }
            Self::Build => format!("/build/{build}"),
            Self::Builder => format!("/builder/{builder}"),
            Self::Builders => "/builders".to_owned(),
            Self::Failures => format!("/failures?{branch}"),
            Self::Tests => format!("/tests?{branch}"),
            Self::Test => {
                let (unit, name) = (
                    format!("go_test:net/package{}", n % 200),
                    format!("TestNumber{}", n % 200),
                );
                format!("/test?{branch}&unit={}&name={name}", encoded(&unit))
            }
            Self::Machines => "/machines".to_owned(),
            Self::Queue => format!("/queue/host-{builder}"),
            Self::Flakes => "/flakes".to_owned(),
            Self::Log => format!("/read/{build}/1/tests-3/1"),
            Self::LargeLog => format!("/read/{large}?line={}", 1 + n * 104_729 % 1_000_000),
            Self::LogPiece => format!("/log/{build}/1/tests-3/1?from={}", n * 7919 % 900_000),
            Self::GridJson => format!("/api/grid?{branch}"),
            Self::Json2019 => "/?mode=json".to_owned(),
            Self::Atom => format!("/breakages.atom?{branch}"),
            Self::Badge => format!("/badge/{builder}.svg?{branch}"),
        }
    }
}

fn encoded(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}
