//! What a case is, and what comes of it.

use std::time::Duration;

use futures::future::BoxFuture;
use serde::Serialize;
use tokio::time::Instant;

use crate::world::{Clients, World};

/// Longer than any case takes on a loaded machine.
const MOST: Duration = Duration::from_secs(40);

/// One thing that the service's documentation says, and code that fails where a server does otherwise.
#[derive(Clone, Copy)]
pub struct Case {
    /// Area and statement: `topics.created_is_read_back`.
    pub name: &'static str,
    /// The page of the documentation that says so.
    pub doc: &'static str,
    /// Why the documentation, and not Google's emulator, is followed where the two differ.
    pub differs_because: Option<&'static str>,
    pub(crate) run: fn(World) -> BoxFuture<'static, anyhow::Result<()>>,
}

/// What came of a case: a line of the report, in the form that `../python` writes too.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// The case, with the client's name before it.
    pub case: String,
    /// The page of the documentation.
    pub doc: &'static str,
    /// See [`Case`].
    pub differs_because: Option<&'static str>,
    /// Whether the server does as documented.
    pub ok: bool,
    /// What it did instead.
    pub detail: String,
    /// How long it took.
    pub seconds: f64,
}

impl Case {
    /// Runs it in a project of its own.
    pub async fn outcome(self, clients: Clients, project: String) -> Outcome {
        let started = Instant::now();
        let world = World::new(clients, &project);
        let result = match tokio::time::timeout(MOST, (self.run)(world)).await {
            Ok(result) => result,
            Err(_) => Err(anyhow::anyhow!("not done within {} s", MOST.as_secs())),
        };
        Outcome {
            case: format!("rust.{}", self.name),
            doc: self.doc,
            differs_because: self.differs_because,
            ok: result.is_ok(),
            detail: result
                .err()
                .map_or_else(String::new, |why| format!("{why:#}")),
            seconds: started.elapsed().as_secs_f64(),
        }
    }
}

/// A list of cases: the module's functions, each with the page that says so and, where Google's emulator does otherwise,
/// why it is not followed.
macro_rules! cases {
    ($area:literal: $($name:ident, $doc:expr $(, differs_because $why:expr)?;)*) => {
        pub(super) const CASES: &[$crate::case::Case] = &[$($crate::case::Case {
            name: concat!($area, ".", stringify!($name)),
            doc: $doc,
            differs_because: $crate::case::first(&[$($why)?]),
            run: |world| Box::pin($name(world)),
        },)*];
    };
}
pub(crate) use cases;

pub(crate) const fn first(reasons: &[&'static str]) -> Option<&'static str> {
    match reasons {
        [reason, ..] => Some(*reason),
        [] => None,
    }
}
