//! Where the newest buildlet is.

use anyhow::Context;

use crate::args::Stage0Args;
use crate::metadata::Metadata;
use crate::vars::Vars;

/// As containers are told.
const VARIABLE: &str = "META_BUILDLET_BINARY_URL";
/// As virtual machines are told.
const KEY: &str = "buildlet-binary-url";

/// The variable, else the machine's metadata, else the flag.
///
/// # Errors
/// None of them says, or the metadata server fails.
pub async fn url(args: &Stage0Args, vars: &Vars) -> anyhow::Result<String> {
    if let Some(url) = vars.text(VARIABLE) {
        return Ok(url.to_owned());
    }
    let told = Metadata::detect(vars).await.get(KEY).await?;
    told.or_else(|| args.url.clone()).with_context(|| {
        format!("nothing says where the buildlet is: set {VARIABLE}, the metadata {KEY}, or --url")
    })
}
