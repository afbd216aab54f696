//! What a Go builder's name says where its keys do not (spec builders 1.3, 2.4).

use farm_model::config::Go;
use farm_model::id::BuilderName;

/// Operating system and processor: everything before the first `-`, and what lies before the second or the end.
#[must_use]
pub fn os_arch(name: &BuilderName) -> (&str, &str) {
    let mut parts = name.as_str().splitn(3, '-');
    (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    )
}

/// Whether tests run under the race detector.
#[must_use]
pub fn is_race(name: &BuilderName, go: &Go) -> bool {
    go.race.unwrap_or(name.as_str().ends_with("-race"))
}

/// Whether long tests run.
#[must_use]
pub fn is_long(name: &BuilderName, go: &Go) -> bool {
    go.long.unwrap_or(name.as_str().ends_with("-longtest"))
}

/// Whether tests may use the network.
#[must_use]
pub fn has_network(name: &BuilderName, go: &Go) -> bool {
    go.network.unwrap_or(is_long(name, go))
}

/// The script below `src` that makes and tests in one.
#[must_use]
pub fn all_script(name: &BuilderName, go: &Go) -> String {
    let by_name = || {
        let name = name.as_str();
        let windows = name.starts_with("windows-");
        match name {
            _ if name.ends_with("-race") && windows => "race.bat",
            _ if name.ends_with("-race") => "race.bash",
            _ if windows => "all.bat",
            _ if name.starts_with("plan9-") => "all.rc",
            _ if name.starts_with("nacl-") => "nacltest.bash",
            _ if name.starts_with("darwin-arm") => "iostest.bash",
            _ if name.starts_with("misc-compile") => "buildall.bash",
            _ => "all.bash",
        }
    };
    go.all_script
        .clone()
        .unwrap_or_else(|| by_name().to_owned())
}

/// The script below `src` that makes.
#[must_use]
pub fn make_script(name: &BuilderName, go: &Go) -> String {
    let by_name = || match os_arch(name).0 {
        "windows" => "make.bat",
        "plan9" => "make.rc",
        "nacl" => "naclmake.bash",
        _ => "make.bash",
    };
    go.make_script
        .clone()
        .unwrap_or_else(|| by_name().to_owned())
}

/// Arguments of the script that makes and tests.
#[must_use]
pub fn all_args(name: &BuilderName, go: &Go) -> Vec<String> {
    let by_name = || {
        let restarts = name.as_str().starts_with("darwin-arm");
        restarts
            .then(|| "-restart".to_owned())
            .into_iter()
            .collect()
    };
    go.args.clone().unwrap_or_else(by_name)
}

/// Arguments of the script that makes.
#[must_use]
pub fn make_args(name: &BuilderName, go: &Go) -> Vec<String> {
    go.make_args.clone().unwrap_or_else(|| all_args(name, go))
}

/// Whether making and testing are jobs of their own.
#[must_use]
pub fn is_split(name: &BuilderName, go: &Go) -> bool {
    let script = all_script(name, go);
    go.split
        .unwrap_or(!matches!(script.as_str(), "iostest.bash" | "buildall.bash"))
}

/// Whether what `make` made is kept.
#[must_use]
pub fn keeps_snapshot(name: &BuilderName, go: &Go) -> bool {
    is_split(name, go) && !go.skip_snapshot && !go.stop_after_make
}

/// Packages that are built with the race detector after `make`.
#[must_use]
pub fn race_packages(name: &BuilderName, go: &Go) -> Vec<String> {
    let by_name = || is_race(name, go).then(|| "std".to_owned());
    go.race_packages
        .clone()
        .unwrap_or_else(|| by_name().into_iter().collect())
}

/// Machines that help with the tests.
#[must_use]
pub fn helpers(go: &Go, is_try: bool) -> u32 {
    if is_try && go.try_helpers > 0 {
        go.try_helpers
    } else {
        go.helpers
    }
}
