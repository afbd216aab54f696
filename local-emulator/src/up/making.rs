//! Machines that a local farm has made by others, beside its own: the settings of the function `provision`, as the
//! environment of `farm up` has them.

use farm_runtime::Vars;
use functions::manifest::Manifest;

use super::telling::handed_on;

/// The function that has machines made.
const FUNCTION: &str = "provision";

/// What it is told beyond what all functions are.
pub(super) struct Making(Vec<(String, String)>);

impl Making {
    /// As the environment says.
    pub(super) fn new(manifest: &Manifest) -> Self {
        let given = Vars::from_environment();
        let function = manifest.get(FUNCTION).into_iter();
        let names = function.flat_map(|function| &function.optional_settings);
        Self(names.filter_map(|name| handed_on(&given, name)).collect())
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
