//! A log that is longer than a platform lets a function answer is sent by the bucket itself, where it can be asked to.

use axum::response::{IntoResponse, Redirect, Response};
use farm_runtime::Vars;

use super::Source;
use crate::dashboard::cache::Keep;
use crate::dashboard::trouble::Trouble;

/// Lambda answers at most 6 MB, in JSON, where the end of a line takes two bytes and a colour six more
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const ON_LAMBDA: u64 = 2 << 20;

/// Bytes of a log in one answer.
#[derive(Debug, Clone, Copy)]
pub(in crate::dashboard) struct Longest(u64);

impl Longest {
    /// As the platform has it that `vars` tell of; elsewhere an answer ends when it ends.
    pub(in crate::dashboard) fn read(vars: &Vars) -> Self {
        let lambda = vars.get("AWS_LAMBDA_RUNTIME_API");
        Self(lambda.map_or(u64::MAX, |_| ON_LAMBDA))
    }

    /// What is sent in place of `bytes` bytes of the log, where these are too many.
    pub(super) async fn instead(
        self,
        source: &Source,
        bytes: u64,
    ) -> Result<Option<Response>, Trouble> {
        if bytes <= self.0 {
            return Ok(None);
        }
        let Some(address) = source.address().await? else {
            return Err(Trouble::Unclear(format!(
                "These are {bytes} bytes, more than are sent at once here. Ask for a part, with ?from= or a range."
            )));
        };
        Ok(Some(
            (Keep::Never, Redirect::temporary(&address)).into_response(),
        ))
    }
}
