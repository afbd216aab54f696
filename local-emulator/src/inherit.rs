//! What child processes see of our environment.

use tokio::process::Command;

/// How the names of the farm's own settings begin, secrets among them, and those of telemetry, which may hold one: what
/// builds tell is not told as if it were the farm.
const OURS: [&str; 2] = ["FARM_", "OTEL_"];
/// How the names of secrets of forges end.
const SECRETS: &str = "_WEBHOOK_SECRET";
/// What git tells the hooks that it runs.
const OF_HOOKS: [&str; 4] = ["GIT_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_WORK_TREE"];
/// What is logged.
const LOGGED: &str = "FARM_LOG";

/// Takes out of what `command` inherits all that is not `kept`.
pub(crate) fn keep(command: &mut Command, kept: fn(&str) -> bool) {
    for (name, _) in std::env::vars_os() {
        if !name.to_str().is_some_and(kept) {
            command.env_remove(name);
        }
    }
}

/// Whether builds see this variable: what is the farm's own, or a git hook's, is none of their business.
pub(crate) fn by_builds(name: &str) -> bool {
    // Windows does not tell them apart by case.
    let name = name.to_ascii_uppercase();
    let ours = OURS.iter().any(|start| name.starts_with(start)) || name.ends_with(SECRETS);
    !ours && !OF_HOOKS.contains(&name.as_str())
}

/// Whether a part of the farm sees it: it tells of itself as we do, and gets each other setting from us.
pub(crate) fn by_parts(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    by_builds(&name) || name.starts_with("OTEL_") || name == LOGGED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_see_the_environment_without_what_is_the_farms() {
        for name in ["PATH", "HOME", "GOFLAGS", "GIT_AUTHOR_NAME", "MY_FARM_X"] {
            assert!(by_builds(name) && by_parts(name), "{name}");
        }
        for name in [
            "FARM_STATE",
            "FARM_METRICS_TOKEN_FILE",
            "farm_tls_key",
            "OTEL_EXPORTER_OTLP_HEADERS",
            "GITHUB_WEBHOOK_SECRET",
            "GIT_DIR",
        ] {
            assert!(!by_builds(name), "{name}");
        }
    }

    #[test]
    fn parts_tell_of_themselves_as_we_do_and_get_no_secret_by_chance() {
        for name in ["FARM_LOG", "OTEL_EXPORTER_OTLP_ENDPOINT"] {
            assert!(by_parts(name), "{name}");
        }
        for name in ["FARM_TOKEN_KEY", "GITHUB_WEBHOOK_SECRET", "GIT_DIR"] {
            assert!(!by_parts(name), "{name}");
        }
    }
}
