//! Machines that a local farm has made by others, beside its own: the settings of the function `provision`, as the
//! environment of `farm up` has them.

use farm_runtime::Vars;
use functions::manifest::Manifest;

use super::given;

/// The function that has machines made.
const FUNCTION: &str = "provision";

/// What it is told beyond what all functions are.
pub(super) struct Making(Vec<(String, String)>);

impl Making {
    /// As the environment says.
    ///
    /// # Errors
    /// The manifest has no such function.
    pub(super) fn new(manifest: &Manifest, vars: &Vars) -> anyhow::Result<Self> {
        Ok(Self(given::to(FUNCTION, manifest, vars)?))
    }

    /// The functions that are called by queues and time: without pools, each result would be a call for nothing.
    pub(super) fn called(&self, mut manifest: Manifest) -> Manifest {
        if self.0.is_empty() {
            manifest.remove(FUNCTION);
        }
        manifest
    }

    /// For the functions' process.
    pub(super) fn settings(&self) -> impl Iterator<Item = (String, String)> {
        self.0.iter().cloned()
    }
}
