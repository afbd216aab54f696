//! What builders of `env/go/farm.toml` build, case by case (spec builders 8).

use farm_core::plan::decide::{Target, post_submit, tries};

use crate::go_farm::farm;
use Expected::{Both, Neither, PostOnly};

/// Of one builder and one target.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Expected {
    Both,
    PostOnly,
    Neither,
}

/// `repository[@its branch] (Go branch)`, `master` where nothing is said; a Go branch of `go` itself is its own.
const CASES: &[(&str, Expected, &str)] = &[
    (
        "linux-amd64",
        Both,
        "go, net, sys, net@1.12, net@1.12 (Go 1.12), net@1.11, net (Go 1.11), net@1.11 (Go 1.11), exp",
    ),
    (
        "linux-amd64",
        Neither,
        "net@1.10, net (Go 1.10), exp (Go 1.11), exp (Go 1.12)",
    ),
    ("misc-vet-vetall", Both, "go"),
    ("misc-vet-vetall", Neither, "go@1.11, go@1.12"),
    ("linux-amd64-ssacheck", Neither, "net, net (Go 1.10)"),
    ("linux-amd64-noopt", Neither, "net (Go 1.11)"),
    ("linux-386-387", Neither, "net (Go 1.11)"),
    ("linux-386-387", PostOnly, "go@1.11, crypto"),
    (
        "linux-arm-arm5spacemonkey",
        Neither,
        "net (Go 1.11), net (Go 1.12)",
    ),
    (
        "android-amd64-emu",
        Both,
        "go, mobile, mobile (Go 1.13), mobile@1.13, crypto, net, sync, sys, text, time, tools",
    ),
    (
        "android-amd64-emu",
        Neither,
        "mobile@1.10, mobile@1.11, mobile (Go 1.10), mobile (Go 1.11), mobile (Go 1.12)",
    ),
    (
        "android-386-emu",
        PostOnly,
        "go, mobile, mobile (Go 1.13), mobile@1.13, net",
    ),
    (
        "android-386-emu",
        Neither,
        "mobile@1.10, mobile@1.11, mobile (Go 1.10), mobile (Go 1.11), mobile (Go 1.12)",
    ),
    ("freebsd-386-10_3", Neither, "go, net"),
    ("freebsd-amd64-10_3", Neither, "go, net"),
    (
        "freebsd-amd64-10_3",
        Both,
        "go@1.12, net@1.12 (Go 1.12), go@1.11, net@1.11 (Go 1.11)",
    ),
    (
        "freebsd-amd64-11_1",
        Neither,
        "go, net, go@1.13, net@1.12 (Go 1.13)",
    ),
    (
        "freebsd-amd64-11_1",
        PostOnly,
        "go@1.12, net@1.12 (Go 1.12), go@1.11, net@1.11 (Go 1.11)",
    ),
    ("freebsd-amd64-12_0", Both, "go, net"),
    ("freebsd-amd64-12_0", Neither, "exp"),
    ("freebsd-386-12_0", PostOnly, "go, net"),
    ("freebsd-386-12_0", Neither, "exp, net (Go 1.11)"),
    ("aix-ppc64", PostOnly, "go, net, go@1.12, net (Go 1.13)"),
    (
        "aix-ppc64",
        Neither,
        "net (Go 1.12), go@1.11, net (Go 1.11)",
    ),
    ("linux-amd64-nocgo", Neither, "mobile"),
    ("android-arm-wikofever", PostOnly, "go"),
    ("android-arm-wikofever", Neither, "mobile"),
    ("android-arm64-wikofever", PostOnly, "go"),
    ("android-arm64-wikofever", Neither, "mobile, net"),
    ("darwin-amd64-wikofever", PostOnly, "mobile"),
    ("darwin-amd64-wikofever", Neither, "go, net"),
    ("linux-amd64-androidemu", Both, "mobile"),
    ("nacl-386", Both, "go"),
    ("nacl-386", Neither, "net"),
    ("nacl-amd64p32", Both, "go"),
    ("nacl-amd64p32", Neither, "net"),
    ("js-wasm", Both, "go"),
    ("js-wasm", PostOnly, "arch, crypto, sys, net"),
    (
        "js-wasm",
        Neither,
        "net (Go 1.12), benchmarks, debug, mobile, perf, talks, tools, tour, website, exp",
    ),
    ("linux-amd64-race", Both, "go, net, exp"),
    ("windows-amd64-race", PostOnly, "go, net"),
    ("freebsd-amd64-race", PostOnly, "go, net"),
    ("darwin-amd64-race", PostOnly, "go"),
    ("darwin-amd64-race", Neither, "net"),
    ("linux-amd64-longtest", PostOnly, "go, net, go@1.12, exp"),
    ("linux-amd64-longtest", Neither, "net (Go 1.12)"),
    ("windows-386-2008", Both, "exp"),
    ("windows-amd64-2016", Both, "exp"),
    (
        "darwin-amd64-10_12",
        PostOnly,
        "exp, net, net (Go 1.11), go",
    ),
    ("darwin-amd64-10_14", PostOnly, "exp, go"),
    ("freebsd-386-11_2", Neither, "exp, net (Go 1.11)"),
    ("freebsd-amd64-11_2", Neither, "exp"),
    ("openbsd-amd64-62", Neither, "exp"),
    ("openbsd-amd64-64", Neither, "exp"),
    (
        "darwin-amd64-10_11",
        Neither,
        "net, net (Go 1.11), net (Go 1.12)",
    ),
    ("darwin-amd64-10_11", PostOnly, "go"),
    ("darwin-386-10_14", Neither, "net (Go 1.11)"),
    ("darwin-386-10_14", PostOnly, "go, go@1.12, go@1.11"),
    ("darwin-amd64-10_10", Neither, "go"),
    ("darwin-amd64-10_10", PostOnly, "go@1.12, go@1.11"),
    (
        "plan9-386",
        Neither,
        "go, net, go@1.11, go@1.12, net (Go 1.11), net (Go 1.12)",
    ),
    ("plan9-amd64-9front", PostOnly, "go, net"),
    (
        "plan9-amd64-9front",
        Neither,
        "go@1.11, go@1.12, net (Go 1.11), net (Go 1.12)",
    ),
    ("plan9-arm", PostOnly, "go, net"),
    (
        "plan9-arm",
        Neither,
        "go@1.11, go@1.12, net (Go 1.11), net (Go 1.12)",
    ),
];

/// A branch by its version.
fn branch(version: Option<&str>) -> String {
    version.map_or("master".to_owned(), |version| {
        format!("release-branch.go{version}")
    })
}

#[test]
fn every_case_is_as_expected() {
    let farm = farm();
    let mut count = 0;
    for (builder, expected, targets) in CASES {
        let name = builder.parse().unwrap();
        assert!(farm.builders.contains_key(&name), "{builder}");
        for case in targets.split(", ") {
            let (place, go) = match case.split_once(" (Go ") {
                Some((place, go)) => (place, Some(go.trim_end_matches(')'))),
                None => (case, None),
            };
            let (repo, own) = match place.split_once('@') {
                Some((repo, own)) => (repo, Some(own)),
                None => (place, None),
            };
            let own = branch(own);
            let go_branch = if repo == "go" {
                own.clone()
            } else {
                branch(go)
            };
            let target = Target {
                repo,
                branch: &own,
                go_branch: &go_branch,
            };
            let built = (
                post_submit(&farm, &name, &target),
                tries(&farm, &name, &target),
            );
            let want = match expected {
                Both => (true, true),
                PostOnly => (true, false),
                Neither => (false, false),
            };
            assert_eq!(built, want, "{builder}: {case} ({expected:?})");
            count += 1;
        }
    }
    assert_eq!(count, 165);
}
