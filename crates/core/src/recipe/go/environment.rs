//! The environment of a Go builder's commands (spec coordinator 5.13, builders 2.6).

use std::collections::BTreeMap;

use farm_model::config::{Builder, Go, Host};
use farm_model::id::BuilderName;

use super::names::has_network;

/// Names and values.
pub type Environment = BTreeMap<String, String>;

/// How much longer tests may take than elsewhere.
const SCALE: &str = "GO_TEST_TIMEOUT_SCALE";
/// Of one run of tests, in seconds, before that scale.
const TESTS: u64 = 20 * 60;
/// Repositories that are modules at this date.
const MODULES: [&str; 3] = ["oauth2", "build", "website"];
/// The main repository's name, as rules and names have it.
const GO: &str = "go";

/// Of every command: the builder's name, what its network is like, then the host's variables and the builder's own.
#[must_use]
pub fn of_builder(
    name: &BuilderName,
    builder: &Builder,
    go: &Go,
    host: Option<&Host>,
) -> Environment {
    let mut env = Environment::from([("GO_BUILDER_NAME".to_owned(), name.to_string())]);
    if go.flaky_net {
        env.insert("GO_BUILDER_FLAKY_NET".to_owned(), "1".to_owned());
    }
    let host = host.map(|host| host.env.clone()).unwrap_or_default();
    env.extend(host);
    env.extend(builder.env.clone());
    env
}

/// Of tests in `repo`, about modules: machines that dial in reach the module proxy through the farm; the toolchain's tests
/// may load nothing, unless they may use the network.
#[must_use]
pub fn of_modules(name: &BuilderName, go: &Go, host: Option<&Host>, repo: &str) -> Environment {
    let mut env = Environment::new();
    if repo == GO {
        if !has_network(name, go) {
            env.insert("GOPROXY".to_owned(), "off".to_owned());
        }
    } else if host.is_some_and(Host::is_reverse) {
        env.insert(
            "GO_BUILDER_SET_GOPROXY".to_owned(),
            "coordinator".to_owned(),
        );
    }
    if MODULES.contains(&repo) {
        env.insert("GO111MODULE".to_owned(), "on".to_owned());
    }
    env
}

/// Where the toolchain and the sources around it are, and that its commands are found first.
#[must_use]
pub fn of_tree(builder: &Environment) -> Environment {
    let inherited = builder.get("PATH").map_or("$PATH", String::as_str);
    Environment::from([
        ("GOROOT".to_owned(), "$WORKDIR/go".to_owned()),
        ("GOPATH".to_owned(), "$WORKDIR/gopath".to_owned()),
        ("PATH".to_owned(), format!("$WORKDIR/go/bin:{inherited}")),
    ])
}

/// The limit of one run of tests, in seconds: 20 minutes, times what the builder says, or else its host.
#[must_use]
pub fn tests_limit(builder: &Builder, host: Option<&Host>) -> u64 {
    let said = builder
        .env
        .get(SCALE)
        .or_else(|| host.and_then(|host| host.env.get(SCALE)));
    let scale = said.and_then(|text| text.parse::<u64>().ok());
    TESTS.saturating_mul(scale.unwrap_or(1).max(1))
}
