//! `env/go/farm.toml`: the tables and the decisions that follow from them (spec builders 2 to 4 and 8).

use std::collections::BTreeSet;

use farm_core::plan::decide::{Target, post_submit, try_builders};
use farm_core::recipe::go;
use farm_model::config::{Builder, FarmConfig, Go, Host, Machines, Recipe};
use farm_model::id::BuilderName;

/// The farm of the Go project.
pub fn farm() -> FarmConfig {
    let text = include_str!("../../../../env/go/farm.toml");
    FarmConfig::parse("env/go/farm.toml", text).unwrap_or_else(|error| panic!("{error}"))
}

fn recipe<'f>(farm: &'f FarmConfig, name: &str) -> (BuilderName, &'f Builder, &'f Go, &'f Host) {
    let name: BuilderName = name.parse().unwrap();
    let builder = &farm.builders[&name];
    let Recipe::Go(recipe) = &builder.recipe else {
        panic!("{name} is no Go builder")
    };
    (name, builder, recipe, &farm.hosts[&builder.host])
}

fn tried(farm: &FarmConfig, repo: &str, branch: &str) -> BTreeSet<String> {
    let target = Target {
        repo,
        branch,
        go_branch: branch,
    };
    let names = try_builders(farm, &target).into_iter();
    names.map(ToString::to_string).collect()
}

fn set(names: &str) -> BTreeSet<String> {
    names.split_whitespace().map(str::to_owned).collect()
}

const COMPILED: &str = "misc-compile misc-compile-freebsd misc-compile-mips misc-compile-nacl misc-compile-netbsd \
     misc-compile-openbsd misc-compile-plan9 misc-compile-ppc";
const BOTH_LINES: &str = "freebsd-amd64-12_0 js-wasm linux-386 linux-amd64 linux-amd64-race nacl-386 nacl-amd64p32 \
     openbsd-amd64-64 windows-386-2008 windows-amd64-2016";
const LIBRARY: &str = "freebsd-amd64-12_0 linux-386 linux-amd64 linux-amd64-race openbsd-amd64-64 windows-386-2008 \
     windows-amd64-2016";

#[test]
fn sixty_hosts_and_ninety_two_builders() {
    let farm = farm();
    assert_eq!((farm.hosts.len(), farm.builders.len()), (60, 92));
    let mut machines = [0; 3];
    let mut builders = [0; 3];
    let kind = |host: &Host| match host.machines {
        Machines::Vm(_) => 0,
        Machines::Container(_) => 1,
        Machines::Reverse(_) => 2,
        Machines::Any => panic!("every host says where its machines come from"),
    };
    for host in farm.hosts.values() {
        machines[kind(host)] += 1;
    }
    for builder in farm.builders.values() {
        builders[kind(&farm.hosts[&builder.host])] += 1;
    }
    assert_eq!((machines, builders), ([18, 13, 29], [26, 31, 35]));
    let expected = farm.hosts.values().map(|host| match &host.machines {
        Machines::Reverse(reverse) => reverse.expect,
        _ => 0,
    });
    assert_eq!(expected.sum::<u32>(), 123);
    assert!(
        farm.hosts
            .keys()
            .all(|name| name.as_str().starts_with("host-"))
    );
}

#[test]
fn hosts_without_a_builder_are_known() {
    let farm = farm();
    let used: BTreeSet<_> = farm
        .builders
        .values()
        .map(|builder| &builder.host)
        .collect();
    let unused = farm.hosts.keys().filter(|host| !used.contains(host));
    let unused: Vec<String> = unused.map(ToString::to_string).collect();
    assert_eq!(
        unused,
        [
            "host-linux-armel-cross",
            "host-linux-armhf-cross",
            "host-linux-x86-alpine"
        ]
    );
}

#[test]
fn a_name_says_system_and_processor() {
    for name in farm().builders.keys() {
        let (os, arch) = go::os_arch(name);
        assert!(!os.is_empty() && !arch.is_empty(), "{name}");
        assert!(!os.contains('-') && !arch.contains('-'), "{name}");
        assert!(name.as_str().starts_with(&format!("{os}-{arch}")), "{name}");
    }
}

#[test]
fn try_sets_are_exactly_these() {
    let farm = farm();
    let go = format!("android-amd64-emu misc-vet-vetall {BOTH_LINES} {COMPILED}");
    assert_eq!(tried(&farm, "go", "master"), set(&go));
    assert_eq!(tried(&farm, "go", "master").len(), 20);
    let release = format!("freebsd-amd64-10_3 {BOTH_LINES} {COMPILED}");
    assert_eq!(tried(&farm, "go", "release-branch.go1.12"), set(&release));
    assert_eq!(tried(&farm, "go", "release-branch.go1.12").len(), 19);
    assert_eq!(
        tried(&farm, "mobile", "master"),
        set("android-amd64-emu linux-amd64-androidemu")
    );
    let sys = format!(
        "{LIBRARY} android-amd64-emu freebsd-386-11_2 freebsd-amd64-11_2 netbsd-amd64-8_0 openbsd-386-64"
    );
    assert_eq!(tried(&farm, "sys", "master"), set(&sys));
    assert_eq!(
        tried(&farm, "exp", "master"),
        set("linux-amd64 linux-amd64-race windows-386-2008 windows-amd64-2016")
    );
    for repo in ["net", "tools", "crypto"] {
        let want = format!("{LIBRARY} android-amd64-emu");
        assert_eq!(tried(&farm, repo, "master"), set(&want), "{repo}");
    }
    assert_eq!(tried(&farm, "build", "master"), set(LIBRARY));
    assert_eq!(tried(&farm, "term", "master"), set(""));
}

#[test]
fn a_change_is_not_tried_with_a_go_that_is_too_old() {
    let farm = farm();
    let target = Target {
        repo: "build",
        branch: "master",
        go_branch: "release-branch.go1.10",
    };
    assert!(try_builders(&farm, &target).is_empty());
}

#[test]
fn so_many_builders_build_each_commit() {
    let farm = farm();
    for (repo, want) in [("go", 66), ("net", 50)] {
        let target = Target {
            repo,
            branch: "master",
            go_branch: "master",
        };
        let built = farm.builders.keys();
        let count = built
            .filter(|name| post_submit(&farm, name, &target))
            .count();
        assert_eq!(count, want, "{repo}");
    }
}

#[test]
fn some_builders_build_nothing_by_themselves() {
    let farm = farm();
    let branches = [
        "master",
        "release-branch.go1.11",
        "release-branch.go1.12",
        "dev.link",
    ];
    let ever = |name: &BuilderName| {
        farm.repositories.keys().any(|repo| {
            branches.iter().any(|branch| {
                let target = Target::alone(repo, branch);
                post_submit(&farm, name, &target) || try_builders(&farm, &target).contains(&name)
            })
        })
    };
    let never = farm.builders.keys().filter(|name| !ever(name));
    let never: BTreeSet<String> = never.map(ToString::to_string).collect();
    let want = "freebsd-amd64-gce93 linux-amd64-vmx openbsd-amd64-60 openbsd-386-60 netbsd-386-8_0 plan9-386 \
         darwin-amd64-10_8 linux-s390x-crosscompile linux-amd64-localdev";
    assert_eq!(never, set(want));
}

#[test]
fn boringcrypto_is_built_on_two() {
    let farm = farm();
    for branch in ["dev.boringcrypto", "dev.boringcrypto.go1.12"] {
        let target = Target {
            repo: "go",
            branch,
            go_branch: branch,
        };
        let built = farm.builders.keys();
        let built: Vec<&str> = built
            .filter(|name| post_submit(&farm, name, &target))
            .map(BuilderName::as_str)
            .collect();
        assert_eq!(built, ["linux-amd64", "windows-386-2008"], "{branch}");
    }
}

#[test]
fn which_tests_run_is_each_builders_rule() {
    let farm = farm();
    let runs = |name: &str, test: &str, is_try: bool| {
        let (name, _, recipe, _) = recipe(&farm, name);
        go::should_run(&name, recipe, &farm.policies, test, is_try)
    };
    for (builder, test, post, tried) in [
        ("linux-amd64", "api", true, true),
        ("linux-amd64", "reboot", true, true),
        ("linux-amd64-jessie", "api", true, false),
        ("linux-amd64-race", "reboot", true, false),
        ("linux-amd64-race", "test:0_5", true, false),
        ("linux-amd64-race", "go_test:fmt", true, true),
        (
            "linux-arm-arm5spacemonkey",
            "go_test:cmd/vendor/github.com/google/pprof/profile",
            false,
            false,
        ),
        ("linux-arm-arm5spacemonkey", "reboot", true, true),
        ("openbsd-amd64-64", "test:0_5", false, false),
        ("netbsd-amd64-8_0", "reboot", false, false),
        ("darwin-amd64-10_14", "test:0_5", false, false),
        ("darwin-amd64-10_14", "reboot", false, false),
        ("darwin-amd64-10_14", "api", false, false),
        ("darwin-amd64-10_14", "codewalk", false, false),
        ("darwin-amd64-10_14", "moved_goroot", true, false),
        ("darwin-amd64-10_14", "go_test:net", true, true),
        ("js-wasm", "go_test:cmd/internal/obj", true, false),
        ("js-wasm", "nolibgcc:crypto/x509", true, false),
        ("plan9-386", "go_test:cmd/go", false, false),
        ("plan9-386", "api", false, false),
        // By their names since Go 1.21.
        ("linux-amd64-race", "cmd/internal/testdir:0_5", true, false),
        ("linux-amd64-jessie", "cmd/api:check", true, false),
        ("plan9-386", "cmd/go", false, false),
        ("linux-amd64", "cmd/api:check", true, true),
    ] {
        assert_eq!(runs(builder, test, false), post, "{builder} {test}");
        assert_eq!(
            runs(builder, test, true),
            tried,
            "{builder} {test}, in a try"
        );
    }
}

#[test]
fn limits_of_tests_are_scaled_by_builder_or_host() {
    let farm = farm();
    let limit = |name: &str, builder_env: Option<&str>, host_env: Option<&str>| {
        let (_, builder, _, host) = recipe(&farm, name);
        let (mut builder, mut host) = (builder.clone(), host.clone());
        for (env, value) in [(&mut builder.env, builder_env), (&mut host.env, host_env)] {
            if let Some(value) = value {
                env.insert("GO_TEST_TIMEOUT_SCALE".to_owned(), value.to_owned());
            }
        }
        go::tests_limit(&builder, Some(&host)) / 60
    };
    assert_eq!(limit("linux-amd64", None, None), 20);
    assert_eq!(limit("linux-amd64", Some("2"), None), 40);
    assert_eq!(limit("linux-amd64", None, Some("3")), 60);
    assert_eq!(limit("linux-amd64", Some("2"), Some("3")), 40);
    for odd in ["0", "-1", "x", ""] {
        assert_eq!(limit("linux-amd64", Some(odd), None), 20, "{odd:?}");
    }
    assert_eq!(limit("plan9-386", None, None), 60);
    assert_eq!(limit("netbsd-arm-bsiegert", None, None), 200);
    assert_eq!(limit("windows-amd64-2016", None, None), 40);
}

#[test]
fn scripts_follow_from_names() {
    let farm = farm();
    for (name, all, make, split) in [
        ("linux-amd64", "all.bash", "make.bash", true),
        ("linux-amd64-race", "race.bash", "make.bash", true),
        ("windows-amd64-race", "race.bat", "make.bat", true),
        ("windows-386-2008", "all.bat", "make.bat", true),
        ("plan9-arm", "all.rc", "make.rc", true),
        ("nacl-386", "nacltest.bash", "naclmake.bash", true),
        (
            "darwin-arm64-mn4m2zdaios",
            "iostest.bash",
            "make.bash",
            false,
        ),
        ("misc-compile-ppc", "buildall.bash", "make.bash", false),
    ] {
        let (builder, _, recipe, _) = recipe(&farm, name);
        assert_eq!(go::all_script(&builder, recipe), all, "{name}");
        assert_eq!(go::make_script(&builder, recipe), make, "{name}");
        assert_eq!(go::is_split(&builder, recipe), split, "{name}");
    }
    let args = |name: &str| {
        let (builder, _, recipe, _) = recipe(&farm, name);
        go::all_args(&builder, recipe)
    };
    assert_eq!(args("darwin-arm-mg912baios"), ["-restart"]);
    assert_eq!(args("misc-compile-ppc"), ["^linux-ppc64"]);
    assert!(args("linux-amd64").is_empty());
    let whole = farm.builders.keys().filter(|name| {
        let (name, _, recipe, _) = recipe(&farm, name.as_str());
        !go::is_split(&name, recipe)
    });
    assert_eq!(whole.count(), 10);
}

#[test]
fn helpers_race_packages_and_networks() {
    let farm = farm();
    let helpers = |name: &str| {
        let (_, _, recipe, _) = recipe(&farm, name);
        (go::helpers(recipe, false), go::helpers(recipe, true))
    };
    assert_eq!(helpers("linux-amd64"), (1, 4));
    assert_eq!(helpers("freebsd-amd64-12_0"), (0, 4));
    assert_eq!(helpers("misc-vet-vetall"), (5, 5));
    assert_eq!(helpers("plan9-386"), (1, 1));
    assert_eq!(helpers("linux-mips"), (0, 0));
    let race = |name: &str| {
        let (builder, _, recipe, _) = recipe(&farm, name);
        go::race_packages(&builder, recipe)
    };
    assert_eq!(race("freebsd-amd64-race"), ["std"]);
    assert_eq!(race("linux-amd64-racecompile"), ["cmd/compile"]);
    assert!(race("linux-amd64").is_empty());
    let network = farm.builders.keys().filter(|name| {
        let (name, _, recipe, _) = recipe(&farm, name.as_str());
        go::has_network(&name, recipe)
    });
    let network: Vec<&str> = network.map(BuilderName::as_str).collect();
    assert_eq!(network, ["linux-amd64-longtest", "misc-vet-vetall"]);
}

#[test]
fn the_environment_is_name_then_host_then_builder() {
    let farm = farm();
    let env = |name: &str| {
        let (name, builder, recipe, host) = recipe(&farm, name);
        let env = go::of_builder(&name, builder, recipe, Some(host));
        let pairs = env.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<String>>().join(" ")
    };
    assert_eq!(
        env("linux-386"),
        "GOARCH=386 GOHOSTARCH=386 GOROOT_BOOTSTRAP=/go1.4 GO_BUILDER_NAME=linux-386 GO_DISABLE_OUTBOUND_NETWORK=1"
    );
    assert_eq!(
        env("linux-arm"),
        "GOROOT_BOOTSTRAP=/usr/local/go GO_BUILDER_FLAKY_NET=1 GO_BUILDER_NAME=linux-arm"
    );
    assert_eq!(
        env("linux-arm-arm5spacemonkey"),
        "GOARM=5 GOROOT_BOOTSTRAP=/usr/local/go GO_BUILDER_NAME=linux-arm-arm5spacemonkey GO_TEST_TIMEOUT_SCALE=4"
    );
    let modules = |name: &str, repo: &str| {
        let (name, _, recipe, host) = recipe(&farm, name);
        let env = go::of_modules(&name, recipe, Some(host), repo);
        let pairs = env.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<String>>().join(" ")
    };
    assert_eq!(modules("linux-amd64", "go"), "GOPROXY=off");
    assert_eq!(modules("linux-amd64-longtest", "go"), "");
    assert_eq!(modules("linux-arm", "go"), "GOPROXY=off");
    assert_eq!(modules("linux-amd64", "net"), "");
    assert_eq!(modules("linux-amd64", "oauth2"), "GO111MODULE=on");
    assert_eq!(
        modules("linux-arm", "website"),
        "GO111MODULE=on GO_BUILDER_SET_GOPROXY=coordinator"
    );
}

#[test]
fn rows_of_the_tables_are_as_they_stand() {
    let farm = farm();
    let of = |name: &str| recipe(&farm, name);
    assert_eq!(of("linux-amd64").1.max_at_once, Some(3));
    assert_eq!(of("linux-amd64-jessie").1.max_at_once, Some(5));
    assert!(of("linux-amd64-racecompile").2.stop_after_make);
    assert_eq!(of("linux-amd64-ssacheck").2.go_deps, ["f65abf6ddc"]);
    assert_eq!(of("aix-ppc64").2.min_go.unwrap().to_string(), "1.12");
    let skipping = farm
        .builders
        .keys()
        .filter(|name| of(name.as_str()).2.skip_snapshot);
    assert_eq!(skipping.count(), 11);
    let host = &farm.hosts[&"host-openbsd-amd64-64".parse().unwrap()];
    assert_eq!(host.cpus(), Some(4));
    assert!(host.bootstrap.is_some() && host.is_hermetic());
    let android = &farm.hosts[&"host-android-amd64-emu".parse().unwrap()];
    assert!(matches!(&android.machines, Machines::Container(container)
        if container.nested && container.vm_image.as_deref() == Some("android-amd64-emu")));
    let hermetic = farm
        .hosts
        .values()
        .filter(|host| host.is_reverse() && host.is_hermetic());
    assert_eq!(hermetic.count(), 4);
}
