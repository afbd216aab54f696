//! What a case holds against what it was told.

use std::fmt::Debug;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use google_cloud_gax::error::Error;
use google_cloud_gax::error::rpc::Code;
use google_cloud_pubsub::error::PublishError;

/// Long enough for a loaded machine; a case that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn equal<T: PartialEq + Debug>(actual: T, expected: T, what: &str) -> Result<()> {
    ensure!(
        actual == expected,
        "{what}: expected {expected:?}, got {actual:?}"
    );
    Ok(())
}

/// Holds for a call that failed with this code.
pub(crate) fn refused<T>(code: Code, answer: Result<T, Error>, what: &str) -> Result<()> {
    let Err(error) = answer else {
        bail!("{what}: expected {code:?}, but it succeeded")
    };
    let got = error.status().map(|status| status.code);
    ensure!(got == Some(code), "{what}: expected {code:?}, got {error}");
    Ok(())
}

/// Holds for a publish that failed with this code.
pub(crate) fn unpublished(
    code: Code,
    answer: Result<String, PublishError>,
    what: &str,
) -> Result<()> {
    match answer {
        Ok(_) => bail!("{what}: expected {code:?}, but it succeeded"),
        Err(PublishError::Rpc(error)) => {
            let got = error.status().map(|status| status.code);
            ensure!(got == Some(code), "{what}: expected {code:?}, got {error}");
            Ok(())
        }
        Err(error) => bail!("{what}: expected {code:?}, got {error}"),
    }
}
