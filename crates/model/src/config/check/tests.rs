//! The messages are part of the product: they are compared to the character.

use crate::config::{Clean, FarmConfig, Machines, Recipe, Role};

fn errors(text: &str) -> String {
    FarmConfig::parse("farm.toml", text)
        .unwrap_err()
        .to_string()
}

const GOOD: &str = r#"
name = "sample"
[hosts.local]
clean = "none"
[builders.test]
host = "local"
timeout = "20m"
env = { CI = "true" }
[[builders.test.steps]]
name = "unit"
run = "cargo test"
timeout = "10m"
[[builders.test.steps]]
argv = ["cargo", "doc"]
[repositories.sample]
branches = ["main", "release-*"]
"#;

/// What [`GOOD`] with one change says.
fn changed(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    errors(&GOOD.replacen(from, to, 1))
}

#[test]
fn a_good_file_says_what_it_means() {
    let config = FarmConfig::parse("farm.toml", GOOD).unwrap();
    assert_eq!(config.name, "sample");
    let builder = &config.builders[&"test".parse().unwrap()];
    let Recipe::Steps { steps, .. } = &builder.recipe else {
        panic!("{:?}", builder.recipe)
    };
    assert_eq!(steps[0].spec.argv, ["/bin/sh", "-c", "cargo test"]);
    assert_eq!(steps[1].spec.argv, ["cargo", "doc"]);
    assert_eq!(
        (steps[0].spec.timeout_seconds, steps[1].spec.timeout_seconds),
        (600, 1200)
    );
    assert_eq!(steps[1].spec.name, "step-2");
    assert_eq!(builder.env["CI"], "true");
    let repository = &config.repositories[&"sample".parse().unwrap()];
    assert_eq!(repository.builders.len(), 1);
    assert_eq!((repository.history, repository.branches.len()), (1, 2));
}

#[test]
fn what_is_left_out_has_a_default() {
    let text =
        "[hosts.h]\n[builders.b]\nhost = \"h\"\nsteps = [{ run = \"true\" }]\n[repositories.r]\n";
    let config = FarmConfig::parse("farm.toml", text).unwrap();
    assert_eq!(config.name, "farm");
    assert_eq!(config.hosts[&"h".parse().unwrap()].clean, Clean::Wipe);
    let builder = &config.builders[&"b".parse().unwrap()];
    assert_eq!(
        (
            builder.timeout_seconds,
            builder.log_limit_bytes,
            builder.max_losses
        ),
        (1800, 16 << 20, 5)
    );
    assert_eq!(config.repositories[&"r".parse().unwrap()].branches, [""; 0]);
}

#[test]
fn an_unknown_key_is_named_with_its_place_and_the_likely_one() {
    for (from, to, want) in [
        (
            "timeout = \"20m\"",
            "tiemout = \"20m\"",
            "farm.toml:7:1: unknown key \"tiemout\" in builder \"test\"; did you mean \"timeout\"?",
        ),
        (
            "timeout = \"10m\"",
            "timout = \"10m\"",
            "farm.toml:12:1: unknown key \"timout\" in step 1 of builder \"test\"; did you mean \"timeout\"?",
        ),
        (
            "[hosts.local]",
            "[hots.x]\n[hosts.local]",
            "farm.toml:3:2: unknown key \"hots\" in farm.toml; did you mean \"hosts\"?",
        ),
        (
            "clean = \"none\"",
            "volume = 1",
            "farm.toml:4:1: unknown key \"volume\" in host \"local\"; known are description, clean, reverse, vm, container, pool, env, max-at-once, bootstrap, go-bootstrap-dir, ssh-user, owner, notes, canary, canary-valid",
        ),
        (
            "branches",
            "branchs",
            "farm.toml:16:1: unknown key \"branchs\" in repository \"sample\"; did you mean \"branches\"?",
        ),
    ] {
        assert_eq!(changed(from, to), want);
    }
}

#[test]
fn a_step_key_in_a_line_of_its_own_is_found_where_it_stands() {
    let text =
        "[hosts.local]\n[builders.linux-test]\nhost = \"local\"\nstepz = [{ run = \"true\" }]\n";
    assert_eq!(
        errors(text),
        "farm.toml:2:11: builder \"linux-test\" has no steps: add steps = [{ run = \"…\" }]\n\
         farm.toml:4:1: unknown key \"stepz\" in builder \"linux-test\"; did you mean \"steps\"?"
    );
}

#[test]
fn a_dangling_name_is_refused() {
    assert_eq!(
        changed("host = \"local\"", "host = \"locl\""),
        "farm.toml:6:8: builder \"test\" names \"locl\", which is not in [hosts]; did you mean \"local\"?"
    );
    assert_eq!(
        changed("branches =", "builders = [\"lint\"]\nbranches ="),
        "farm.toml:16:13: repository \"sample\" names \"lint\", which is not in [builders]; add [builders.lint]"
    );
}

#[test]
fn a_broken_builder_is_one_problem_not_one_more_at_each_use() {
    let text = "[hosts.h]\n[builders.b]\nsteps = [{ run = \"true\" }]\n[repositories.r]\nbuilders = [\"b\"]\n";
    assert_eq!(errors(text), "farm.toml:2:11: builder \"b\" names no host");
}

#[test]
fn every_problem_is_told_at_once_in_the_order_of_the_text() {
    assert_eq!(
        errors("x = 1\n[builders.b]\nhost = \"nowhere\"\n[repositories.r]\nhistory = 0\n"),
        "farm.toml:1:1: unknown key \"x\" in farm.toml; known are name, policies, builds, hosts, builders, repositories\n\
         farm.toml:2:11: builder \"b\" has no steps: add steps = [{ run = \"…\" }]\n\
         farm.toml:3:8: builder \"b\" names \"nowhere\", which is not in [hosts]; add [hosts.nowhere]\n\
         farm.toml:5:11: history of repository \"r\" must be between 1 and 100"
    );
}

#[test]
fn contradictions_are_refused() {
    for (from, to, want) in [
        (
            "timeout = \"20m\"",
            "timeout = \"5m\"",
            "farm.toml:9:1: step 1 of builder \"test\" may take 600s, but its builder only 300s",
        ),
        (
            "timeout = \"20m\"",
            "timeout = \"0s\"",
            "farm.toml:7:11: timeout of builder \"test\" must be between 1s and 24h",
        ),
        (
            "timeout = \"20m\"",
            "timeout = \"soon\"",
            "farm.toml:7:11: \"soon\" is not a duration: write a number and s, m or h, as in 90s",
        ),
        (
            "run = \"cargo test\"",
            "run = \"a\"\nargv = [\"b\"]",
            "farm.toml:9:1: step 1 of builder \"test\" has both run and argv: keep one",
        ),
        (
            "run = \"cargo test\"",
            "",
            "farm.toml:9:1: step 1 of builder \"test\" runs nothing: add run = \"…\" or argv = [\"…\"]",
        ),
        (
            "argv = [\"cargo\", \"doc\"]",
            "argv = [\"a\"]\nname = \"unit\"",
            "farm.toml:13:1: builder \"test\" has two steps named \"unit\"",
        ),
        (
            "\"release-*\"",
            "\"bad branch\"",
            "farm.toml:16:21: \"bad branch\" is no pattern of branches: a short name, with * for any run of characters",
        ),
        (
            "clean = \"none\"",
            "clean = \"nome\"",
            "farm.toml:4:9: clean is \"halt\", \"wipe\" or \"none\", not \"nome\"; did you mean \"none\"?",
        ),
        (
            "clean = \"none\"",
            "clean = 1",
            "farm.toml:4:9: \"clean\" in host \"local\" must be text in quotes, not a number",
        ),
        (
            "branches =",
            "builders = [\"test\", \"test\"]\nbranches =",
            "farm.toml:16:21: repository \"sample\" names builder \"test\" twice",
        ),
        (
            "branches =",
            "history = 101\nbranches =",
            "farm.toml:16:11: history of repository \"sample\" must be between 1 and 100",
        ),
        (
            "branches =",
            "github = \"sample\"\nbranches =",
            "farm.toml:16:10: github of repository \"sample\" is written owner/repository",
        ),
        (
            "CI = \"true\"",
            "\"A=B\" = \"true\"",
            "farm.toml:8:17: \"A=B\" in \"env\" of builder \"test\" is no name of a variable",
        ),
        (
            "name = \"unit\"",
            "name = \"a\\nb\"",
            "farm.toml:10:8: name of step 1 of builder \"test\" must be one line of 1 to 100 characters",
        ),
        (
            "run = \"cargo test\"",
            "run = \"a\\u0000\"",
            "farm.toml:11:7: step 1 of builder \"test\" holds a NUL character, which no program can be given",
        ),
    ] {
        assert_eq!(changed(from, to), want);
    }
}

#[test]
fn a_folder_outside_the_source_is_refused() {
    for dir in ["../x", "a/../../x", "/etc", "a\\\\b"] {
        assert_eq!(
            changed(
                "run = \"cargo test\"",
                &format!("dir = \"{dir}\"\nrun = \"a\"")
            ),
            "farm.toml:11:7: dir of step 1 of builder \"test\" must stay inside the source: relative, without .. and backslash"
        );
    }
}

#[test]
fn text_that_is_no_toml_has_a_place_too() {
    let error = errors("[hosts\n");
    assert!(error.starts_with("farm.toml:1:"), "{error}");
    let error = errors("name = \"a\"\nname = \"b\"\n");
    assert!(error.starts_with("farm.toml:2:1: "), "{error}");
}

#[test]
fn a_column_counts_characters() {
    let error = errors("[\"höst\"]\n\"ä\" = 1\n");
    assert!(
        error.starts_with("farm.toml:1:2: unknown key \"höst\""),
        "{error}"
    );
}

/// A farm with two hosts, a Go builder and two repositories; every key of its kind at least once.
const WHOLE: &str = r#"
builds = 'not (go < 1.11)'
[policies]
D = 'repo != "exp"'
"D+exp" = 'D or repo == "exp"'
[hosts.vm]
env = { GOROOT_BOOTSTRAP = "/go1.4" }
max-at-once = 4
vm = { image = "openbsd", machine = "n1-highcpu-4", buildlet = "openbsd-amd64", min-cpu = "Intel Skylake" }
bootstrap = "https://example.org/boot.tar.gz"
canary = "openbsd-amd64"
canary-valid = "6h"
[hosts.pi]
reverse = { expect = 5, hermetic = true, aliases = ["old-pi"] }
owner = "gopher@example.org"
[builders.openbsd-amd64]
host = "vm"
recipe = "go"
labels = ["gpu"]
builds = "D+exp"
tries = 'repo == "go"'
dist-tests = 'test not like "test:*"'
helpers = 1
try-helpers = 3
min-go = "1.12"
go-deps = ["f65abf6ddc"]
cross = { host = "pi", cc = "gcc" }
[builders.split]
host = "pi"
steps = [{ run = "make", format = "junit", report = "build/*.xml" }]
rerun-failed = false
[builders.split.tests]
list = "cat tests"
run = ["./test"]
shards = 3
target = "2m"
keep = false
[repositories.go]
main = true
[repositories.net]
against = "go"
max-at-once = 10
"#;

fn whole(from: &str, to: &str) -> String {
    assert!(WHOLE.contains(from), "{from}");
    errors(&WHOLE.replacen(from, to, 1))
}

#[test]
fn a_whole_farm_says_what_it_means() {
    let config = FarmConfig::parse("farm.toml", WHOLE).unwrap();
    let json = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<FarmConfig>(&json).unwrap(), config);
    let host = &config.hosts[&"vm".parse().unwrap()];
    assert_eq!((host.cpus(), host.is_hermetic()), (Some(4), true));
    assert_eq!(host.canary.as_ref().unwrap().valid_seconds, 6 * 3600);
    assert_eq!(host.bootstrap.as_ref().unwrap().dir, "go1.4");
    let pi = &config.hosts[&"pi".parse().unwrap()];
    assert!(matches!(&pi.machines, Machines::Reverse(reverse) if reverse.expect == 5));
    let builder = &config.builders[&"openbsd-amd64".parse().unwrap()];
    let Recipe::Go(go) = &builder.recipe else {
        panic!("{:?}", builder.recipe)
    };
    assert_eq!(
        (go.helpers, go.try_helpers, go.skip_snapshot),
        (1, 3, false)
    );
    assert!(builder.rerun_failed && builder.culprit);
    assert_eq!(builder.timeout_seconds, 6 * 3600);
    let Recipe::Steps { tests, .. } = &config.builders[&"split".parse().unwrap()].recipe else {
        panic!()
    };
    let tests = tests.as_ref().unwrap();
    assert_eq!(tests.list.argv, ["/bin/sh", "-c", "cat tests", "sh"]);
    assert_eq!(tests.run.argv, ["./test"]);
    assert_eq!(
        (tests.shards, tests.target_seconds, tests.keep),
        (3, 120, false)
    );
    let net = &config.repositories[&"net".parse().unwrap()];
    assert_eq!(net.role, Role::Against("go".parse().unwrap()));
}

#[test]
fn a_rule_is_checked_where_it_stands() {
    for (from, to, want) in [
        (
            "tries = 'repo == \"go\"'",
            "tries = 'repo = \"go\"'",
            "farm.toml:21:15: = says nothing here: compare with ==",
        ),
        (
            "builds = \"D+exp\"",
            "builds = \"D-exp\"",
            "farm.toml:20:10: rule \"D-exp\" calls \"D-exp\", which is not in [policies]; did you mean \"D+exp\"?",
        ),
        (
            "builds = \"D+exp\"",
            "builds = 'test == \"api\"'",
            "farm.toml:20:10: builds of builder \"openbsd-amd64\" asks about test, but it is about whole builds",
        ),
        (
            "D = 'repo != \"exp\"'",
            "D = '\"D+exp\"'",
            "farm.toml:4:6: a rule such as repo == \"go\" is missing: \"D+exp\" is there",
        ),
        (
            "D = 'repo != \"exp\"'",
            "D = 'not D+exp'",
            "farm.toml:4:5: policy \"D\" calls itself\n\
             farm.toml:5:11: policy \"D+exp\" calls itself",
        ),
        (
            "D = 'repo",
            "try = 'repo",
            "farm.toml:4:7: \"try\" is no name of a policy: letters, digits, -, _, + and ., no word of the rules' own\n\
             farm.toml:5:11: rule \"D or repo == \\\"exp\\\"\" calls \"D\", which is not in [policies]; \
             add D = \"…\" to [policies], or compare something: repo == \"D\"",
        ),
    ] {
        assert_eq!(whole(from, to), want);
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    for (from, to, want) in [
        (
            "owner = ",
            "container = { image = \"x\", buildlet = \"linux-amd64\" }\nowner = ",
            "farm.toml:13:8: host \"pi\" says more than one of reverse, vm and container: keep one",
        ),
        (
            "machine = \"n1-highcpu-4\"",
            "machine = \"large\"",
            "farm.toml:9:37: \"large\" does not end in a number of processors, as in \"n1-highcpu-2\", or in a size, as in \"m7i.large\"",
        ),
        (
            "buildlet = \"openbsd-amd64\", ",
            "",
            "farm.toml:9:1: \"vm\" in host \"vm\" has no buildlet: add buildlet = \"openbsd-amd64\"",
        ),
        (
            "canary = \"openbsd-amd64\"",
            "canary = \"openbsd\"",
            "farm.toml:11:10: host \"vm\" names \"openbsd\", which is not in [builders]; add [builders.openbsd]",
        ),
        (
            "helpers = 1",
            "snapshot = false",
            "farm.toml:16:11: builder \"openbsd-amd64\" has helpers, which begin with a snapshot, and snapshot = false: keep one",
        ),
        (
            "min-go = \"1.12\"",
            "min-go = \"go1.12\"",
            "farm.toml:25:10: \"go1.12\" is not a version of Go: write 1.12",
        ),
        (
            "go-deps = [\"f65abf6ddc\"]",
            "go-deps = [\"HEAD\"]",
            "farm.toml:26:12: \"HEAD\" is no commit: 7 to 64 lower-case hex digits",
        ),
        (
            "recipe = \"go\"",
            "recipe = \"goo\"",
            "farm.toml:18:10: recipe is \"steps\" or \"go\", not \"goo\"; did you mean \"go\"?",
        ),
        (
            "shards = 3",
            "shards = 0",
            "farm.toml:35:10: shards of \"tests\" in builder \"split\" must be between 1 and 100",
        ),
        (
            "format = \"junit\", report",
            "format = \"exit\", report",
            "farm.toml:30:52: report of step 1 of builder \"split\" needs a format that says what is in it: format = \"junit\"",
        ),
        (
            "build/*.xml",
            "*.xml",
            "farm.toml:30:53: report of step 1 of builder \"split\" must lie in a folder of its own, as path/to/*.xml: all that lies beside it is fetched",
        ),
        (
            "build/*.xml",
            "./report.xml",
            "farm.toml:30:53: report of step 1 of builder \"split\" must lie in a folder of its own, as path/to/*.xml: all that lies beside it is fetched",
        ),
        (
            "build/*.xml",
            "*/target/reports/*.xml",
            "farm.toml:30:53: report of step 1 of builder \"split\" must lie in one folder: * may stand in the name of files only",
        ),
        (
            "build/*.xml",
            "build/",
            "farm.toml:30:53: report of step 1 of builder \"split\" must name files: path/to/*.xml",
        ),
        (
            "max-at-once = 4",
            "clean = \"none\"",
            "farm.toml:16:11: builder \"openbsd-amd64\" of recipe \"go\" needs an empty work dir, but host vm has clean = \"none\"",
        ),
        (
            "labels = [\"gpu\"]",
            "labels = [\"a b\"]",
            "farm.toml:19:11: \"a b\" is no label: up to 32 letters, digits and ., _, -, =, as in gpu or ram=64",
        ),
        (
            "main = true",
            "main = false",
            "farm.toml:41:11: repository \"net\" is built against go, which is not a main repository; add main = true to [repositories.go]",
        ),
        (
            "rerun-failed = false",
            "rerun-failed = 0",
            "farm.toml:31:16: \"rerun-failed\" in builder \"split\" must be true or false, not a number",
        ),
    ] {
        let errors = whole(from, to);
        let lines: Vec<&str> = errors.lines().collect();
        assert!(lines.contains(&want), "{errors}\nwithout\n{want}");
    }
}

#[test]
fn policies_that_call_each_other_too_often_are_refused_at_once() {
    use std::fmt::Write;
    let mut policies = "p000 = 'repo == \"r\"'\n".to_owned();
    for number in 1..200 {
        let before = format!("p{:03}", number - 1);
        writeln!(
            policies,
            "p{number:03} = '{before} and {before} or {before}'"
        )
        .unwrap();
    }
    let errors = errors(&format!("[policies]\n{policies}"));
    let large = |line: &&str| line.contains("more than 1000 parts");
    let first = errors.lines().find(large).unwrap();
    assert!(first.starts_with("farm.toml:8:"), "{errors}");
    assert!(first.contains("policy \"p006\" is too large"), "{errors}");
    // A rule of its own may be, too.
    let many = ["not p005"; 3].join(" and ");
    let text = format!("builds = '{many}'\n[policies]\n{policies}");
    let errors = self::errors(&text);
    let mut lines = errors.lines().filter(large);
    assert!(
        lines.any(|line| line.starts_with("farm.toml:1:")),
        "{errors}"
    );
}

/// Tables with a key that none of them has, and what else they need: the message names all that they do have.
const STRANGE: &str = r#"
zzzzzzzzzzzz = 1
[hosts.a]
zzzzzzzzzzzz = 1
reverse = { zzzzzzzzzzzz = 1 }
[hosts.b]
vm = { image = "x", buildlet = "y", zzzzzzzzzzzz = 1 }
[hosts.c]
container = { image = "x", buildlet = "y", zzzzzzzzzzzz = 1 }
pool = { name = "x", most = 1, zzzzzzzzzzzz = 1 }
[builders.steps]
host = "a"
zzzzzzzzzzzz = 1
steps = [{ run = "x", zzzzzzzzzzzz = 1 }]
tests = { list = "x", run = "y", zzzzzzzzzzzz = 1 }
[builders.go-go]
host = "a"
recipe = "go"
zzzzzzzzzzzz = 1
cross = { host = "a", cc = "x", zzzzzzzzzzzz = 1 }
[repositories.r]
zzzzzzzzzzzz = 1
"#;

#[test]
fn every_key_is_in_the_reference() {
    let reference = include_str!("../../../../../docs/farm-toml.md");
    let error = FarmConfig::parse("farm.toml", STRANGE).unwrap_err();
    assert_eq!(error.problems.len(), 12, "{error}");
    for problem in error.problems {
        let known = problem.suggestion.unwrap();
        for key in known.strip_prefix("known are ").unwrap().split(", ") {
            assert!(
                reference.contains(&format!("`{key}`")),
                "docs/farm-toml.md does not have {key:?}: {}",
                problem.message
            );
        }
    }
}

const POOLED: &str = r#"
[hosts.vm]
vm = { image = "debian", machine = "m7i.2xlarge", buildlet = "linux-amd64" }
[hosts.vm.pool]
name = "vms"
most = 3
[builders.b]
host = "vm"
steps = [{ run = "true" }]
[repositories.r]
"#;

#[test]
fn a_host_may_have_its_machines_made() {
    let parse = |text: &str| FarmConfig::parse("farm.toml", text).unwrap();
    let of = |config: FarmConfig| config.hosts[&"vm".parse().unwrap()].pool.clone().unwrap();
    let pool = of(parse(POOLED));
    assert_eq!((pool.name.as_str(), pool.most, pool.fewest), ("vms", 3, 0));
    assert_eq!(
        (pool.idle_seconds, pool.live_seconds, pool.last_seconds),
        (300, 4 * 3600, 2 * 3600)
    );
    assert!(!pool.spot && pool.labels.is_empty());
    let all = "most = 3\nlabels = [\"ram=64\", \"gpu\"]\nfewest = 3\nidle = \"1m\"\nlive = \"1h\"\nlast = \"30m\"\nspot = true";
    let pool = of(parse(&POOLED.replacen("most = 3", all, 1)));
    assert_eq!((pool.fewest, pool.spot), (3, true));
    assert_eq!(
        pool.labels,
        ["gpu", "ram=64"].map(str::to_owned).into(),
        "in whichever order"
    );
    assert_eq!(
        (pool.idle_seconds, pool.live_seconds, pool.last_seconds),
        (60, 3600, 1800)
    );
}

#[test]
fn a_pool_of_before_there_were_labels_reads() {
    let config = FarmConfig::parse("farm.toml", POOLED).unwrap();
    let mut json = serde_json::to_value(&config).unwrap();
    let pool = json["hosts"]["vm"]["pool"].as_object_mut().unwrap();
    assert!(pool.remove("labels").is_some());
    assert_eq!(serde_json::from_value::<FarmConfig>(json).unwrap(), config);
}

#[test]
fn what_is_wrong_with_a_pool_is_said_where_it_stands() {
    let changed = |from: &str, to: &str| {
        assert!(POOLED.contains(from), "{from}");
        errors(&POOLED.replacen(from, to, 1))
    };
    let vm = "vm = { image = \"debian\", machine = \"m7i.2xlarge\", buildlet = \"linux-amd64\" }\n";
    for (from, to, want) in [
        (
            vm,
            "",
            "farm.toml:3:11: pool of host \"vm\" counts only with vm or container, which say what its machines are made of",
        ),
        (
            vm,
            "reverse = { expect = 1 }\n",
            "farm.toml:4:11: pool of host \"vm\" counts only with vm or container, which say what its machines are made of",
        ),
        (
            "name = \"vms\"\n",
            "",
            "farm.toml:4:11: \"pool\" in host \"vm\" has no name: add name = \"vms\"",
        ),
        (
            "most = 3\n",
            "",
            "farm.toml:4:11: \"pool\" in host \"vm\" has no most: add most = 10",
        ),
        (
            "most = 3",
            "most = 0",
            "farm.toml:6:8: most of \"pool\" in host \"vm\" must be between 1 and 10000",
        ),
        (
            "most = 3",
            "most = 3\nfewest = 4",
            "farm.toml:7:1: fewest of \"pool\" in host \"vm\" must be at most 3, as many as there may be",
        ),
        (
            "most = 3",
            "most = 3\nidle = \"0s\"",
            "farm.toml:7:8: idle of \"pool\" in host \"vm\" must be between 1s and 24h",
        ),
        (
            "most = 3",
            "most = 3\nmosst = 3",
            "farm.toml:7:1: unknown key \"mosst\" in \"pool\" in host \"vm\"; did you mean \"most\"?",
        ),
        (
            "most = 3",
            "most = 3\nlabels = [\"gpu\", \"gpü\"]",
            "farm.toml:7:18: \"gpü\" is no label: up to 32 letters, digits and ., _, -, =, as in gpu or ram=64",
        ),
        (
            "most = 3",
            "most = 3\nlabels = [\"gpu\", \"gpu\"]",
            "farm.toml:7:18: \"pool\" in host \"vm\" has label \"gpu\" twice",
        ),
        (
            "most = 3",
            "most = 3\nlabels = [\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\", \"i\"]",
            "farm.toml:7:1: \"pool\" in host \"vm\" has 9 labels: a machine has at most 8",
        ),
        (
            "most = 3",
            "most = 3\nlabels = \"gpu\"",
            "farm.toml:7:10: \"labels\" in \"pool\" in host \"vm\" must be a list, not text",
        ),
    ] {
        assert_eq!(changed(from, to), want);
    }
    for machine in ["m7i.", ".large", "m7i.huge", "m7i.0xlarge", "M7I.large"] {
        let text = POOLED.replacen("m7i.2xlarge", machine, 1);
        assert!(errors(&text).contains("does not end in a number of processors"));
    }
    for machine in [
        "t4g.nano",
        "c7gd.metal",
        "u-6tb1.metal",
        "m7i.metal-48xl",
        "m7i-flex.xlarge",
    ] {
        let text = POOLED.replacen("m7i.2xlarge", machine, 1);
        assert!(FarmConfig::parse("farm.toml", &text).is_ok(), "{machine}");
    }
}
