//! Programs and graphs of jobs, of the Go farm's builders and of small ones.

use jiff::Timestamp;

use farm_model::kept::Snapshot;
use farm_model::kept::{Timed, Timing, Trust};
use farm_model::message::progress::{LogSummary, Outcome};
use farm_model::message::work::{StepSpec, TestFormat};
use farm_model::record::{Against, Branch, BuildKey, BuildKind, CommitInfo, JobState};

use super::*;
use crate::effects::Effects;

const GO: &str = include_str!("../../../../env/go/farm.toml");

/// A farm, and what it has learned.
struct World {
    config: FarmConfig,
    book: Book,
    branches: Branches,
}

fn commit(digit: char) -> farm_model::id::CommitId {
    digit.to_string().repeat(40).parse().unwrap()
}

fn build(builder: &str, repo: &str, against: bool, is_try: bool) -> Build {
    let key = BuildKey {
        builder: builder.parse().unwrap(),
        repo: repo.parse().unwrap(),
        commit: commit('a'),
        branch: "master".to_owned(),
        kind: if is_try {
            BuildKind::Try {
                set: "T1".to_owned(),
            }
        } else {
            BuildKind::PostSubmit
        },
        against: against.then(|| Against {
            repo: "go".parse().unwrap(),
            commit: commit('b'),
            branch: "master".to_owned(),
        }),
    };
    Build {
        id: key.id(),
        key,
        wanted: Timestamp::UNIX_EPOCH,
        behind: 0,
        number: None,
        run: 1,
    }
}

fn report(units: &[&str]) -> AttemptReport {
    AttemptReport {
        outcome: Outcome::Ok,
        reason: String::new(),
        steps: Vec::new(),
        log: LogSummary::default(),
        snapshot: None,
        units: units.iter().map(|unit| (*unit).to_owned()).collect(),
        tests: Vec::new(),
        tests_complete: true,
        tests_whole: None,
    }
}

fn run(build: &Build, jobs: Vec<Job>) -> Run {
    Run {
        build: build.id.clone(),
        number: 1,
        opened: Timestamp::UNIX_EPOCH,
        cause: String::new(),
        jobs,
        trace: None,
        verdict: None,
    }
}

impl World {
    fn new(text: &str) -> Self {
        Self {
            config: FarmConfig::parse("farm.toml", text).unwrap(),
            book: Book::default(),
            branches: Branches::new(),
        }
    }

    fn context<'a>(&'a self, build: &'a Build) -> Context<'a> {
        Context {
            config: &self.config,
            builder: &self.config.builders[&build.key.builder],
            build,
            book: &self.book,
            branches: &self.branches,
        }
    }

    fn keep(&mut self, kept: Kept) {
        self.book.put(kept, &mut Effects::default());
    }

    fn timing(&mut self, builder: &str, unit: &str, seconds: u64) {
        self.keep(Kept::Timing(Timing {
            builder: builder.parse().unwrap(),
            what: Timed::Unit(unit.to_owned()),
            lately: vec![seconds * 1000],
            at: Timestamp::UNIX_EPOCH,
        }));
    }

    fn snapshot(&mut self, build: &Build, trust: Trust) {
        self.keep(Kept::Snapshot(Snapshot {
            builder: build.key.builder.clone(),
            repo: build.key.repo.clone(),
            commit: build.key.commit.clone(),
            trust,
            blob: blob(),
            at: Timestamp::UNIX_EPOCH,
        }));
    }

    /// The jobs after one that reported.
    fn after(&self, build: &Build, jobs: Vec<Job>, report: &AttemptReport) -> Vec<Job> {
        let job = jobs[0].clone();
        after(&self.context(build), &run(build, jobs), &job, report)
    }
}

fn blob() -> BlobId {
    "c".repeat(64).parse().unwrap()
}

fn names(jobs: &[Job]) -> Vec<String> {
    let told = |job: &Job| {
        let needs = job.needs.iter().map(|need| format!(" < {need}"));
        job.name.to_string() + &needs.collect::<String>()
    };
    jobs.iter().map(told).collect()
}

/// A program in a few words a step.
fn told(program: &Program) -> Vec<String> {
    let run = |spec: &StepSpec| {
        let place = [spec.root.as_str(), spec.dir.as_str()].join("/");
        format!("{} in {place}", spec.argv.join(" "))
    };
    let step = |step: &Step| match step {
        Step::Source { source, into } => {
            format!(
                "source {} {} into {into}",
                source.repo,
                source.commit.short()
            )
        }
        Step::Restore { into, .. } => format!("restore {into}"),
        Step::Fetch { into, .. } => format!("fetch {into}"),
        Step::Write { path, text, .. } => format!("write {path}: {}", &text[..text.len().min(9)]),
        Step::Run(spec) => format!("run {}", run(spec)),
        Step::List(spec) => format!("list {}", run(spec)),
        Step::Keep { dir, remove, .. } => format!("keep {dir} without {}", remove.join(" ")),
        Step::Tests(tests) => format!("test {} {:?}", run(&tests.command), tests.groups),
        Step::Modules(modules) => {
            let sources: Vec<&str> = modules.sources.keys().map(String::as_str).collect();
            format!("modules of {} beside {sources:?}", modules.own)
        }
    };
    program.steps.iter().map(step).collect()
}

#[test]
fn a_toolchain_is_made_kept_listed_and_tested_in_shards() {
    let mut world = World::new(GO);
    let build = build("linux-amd64", "go", false, true);
    let jobs = opening(&world.context(&build));
    assert_eq!(names(&jobs), ["make"]);
    assert_eq!(
        told(&program(&world.context(&build), &jobs[0], &Base::Nothing)),
        [
            "write go/VERSION: devel aaa",
            "source go aaaaaaaa into go",
            "run bash make.bash in go/src",
            "keep go without go/doc/gopher go/pkg/bootstrap",
            "list $WORKDIR/go/bin/go tool dist test --no-rebuild --list in /",
        ]
    );
    world.timing("linux-amd64", "reboot", 300);
    let units = [
        "go_test:fmt",
        "go_test:cmd/go",
        "go_test:net",
        "api",
        "reboot",
    ];
    for unit in &units[..4] {
        world.timing("linux-amd64", unit, 100);
    }
    let shards = world.after(&build, jobs.clone(), &report(&units));
    assert_eq!(
        names(&shards),
        [
            "tests-1 < make",
            "tests-2 < make",
            "tests-3 < make",
            "tests-4 < make",
            "tests-5 < make"
        ]
    );
    let reboot = shards.iter().find(|job| {
        job.part
            == Part::Tests {
                units: vec!["reboot".to_owned()],
            }
    });
    assert!(reboot.is_some(), "{shards:?}");
    let context = world.context(&build);
    assert_eq!(
        told(&program(&context, &shards[0], &Base::Snapshot(blob()))),
        [
            "restore go",
            "test $WORKDIR/go/bin/go tool dist test --no-rebuild in / [[\"go_test:fmt\"]]",
        ]
    );
    assert_eq!(program(&context, &shards[0], &Base::WorkDir).steps.len(), 1);
    assert!(!begins_with_nothing(&context, &shards[0]));
    assert!(tries_again(&context));
}

#[test]
fn as_many_machines_help_as_the_builder_says() {
    let mut world = World::new(GO);
    let build = build("linux-amd64", "go", false, true);
    let jobs = opening(&world.context(&build));
    let units = ["bufio", "bytes", "errors", "fmt", "sort", "strings"];
    for unit in units {
        world.timing("linux-amd64", unit, 0);
    }
    assert_eq!(world.after(&build, jobs.clone(), &report(&units)).len(), 5);
    assert_eq!(
        world
            .after(&build, jobs.clone(), &report(&units[..2]))
            .len(),
        2
    );
    assert!(world.after(&build, jobs, &report(&[])).is_empty());
}

#[test]
fn what_was_made_before_is_not_made_again() {
    let mut world = World::new(GO);
    let build = build("linux-386", "go", false, false);
    world.snapshot(&build, Trust::PostSubmit);
    let jobs = opening(&world.context(&build));
    assert_eq!(names(&jobs), ["list"]);
    assert_eq!(jobs[0].part, Part::Setup);
    let context = world.context(&build);
    assert_eq!(known_snapshot(&context, &jobs[0]), Some(blob()));
    assert_eq!(
        told(&program(&context, &jobs[0], &Base::Snapshot(blob()))),
        [
            "restore go",
            "list $WORKDIR/go/bin/go tool dist test --no-rebuild --list in /",
        ]
    );
    // If it is gone meanwhile, it is made.
    assert!(begins_with_nothing(&context, &jobs[0]));
    assert_eq!(program(&context, &jobs[0], &Base::Nothing).steps.len(), 5);
}

#[test]
fn a_post_submit_build_does_not_rest_on_what_a_try_made() {
    let mut world = World::new(GO);
    let build = build("linux-386", "go", false, false);
    world.snapshot(&build, Trust::Try("T1".to_owned()));
    assert_eq!(names(&opening(&world.context(&build))), ["make"]);
}

#[test]
fn a_shard_groups_small_packages_and_again_is_alone() {
    let world = World::new(GO);
    let build = build("linux-amd64-race", "go", false, false);
    let units: Vec<String> = [
        "go_test:b",
        "api",
        "go_test:cmd/x",
        "go_test:a",
        "go_test:c",
    ]
    .map(str::to_owned)
    .to_vec();
    let groups_of = |part: Part| {
        let job = job("tests-1", part, &["make"]).unwrap();
        let program = program(&world.context(&build), &job, &Base::WorkDir);
        let Some(Step::Tests(tests)) = program.steps.last().cloned() else {
            panic!("{program:?}")
        };
        assert_eq!(
            tests.command.argv,
            [
                "$WORKDIR/go/bin/go",
                "tool",
                "dist",
                "test",
                "--no-rebuild",
                "--race"
            ]
        );
        assert!(
            !tests.stop_at_first,
            "what failed by chance excuses the rest"
        );
        tests.groups
    };
    assert_eq!(
        groups_of(Part::Tests {
            units: units.clone()
        }),
        [
            vec!["go_test:a", "go_test:b", "go_test:c"],
            vec!["go_test:cmd/x"],
            vec!["api"],
        ]
    );
    assert_eq!(groups_of(Part::Again { units }).len(), 5);
}

#[test]
fn groups_end_at_ten_seconds() {
    let halves = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13];
    let tests: Vec<String> = ('a'..='k').map(|c| format!("go_test:{c}")).collect();
    let took = |test: &str| {
        let index = tests.iter().position(|known| known == test).unwrap();
        halves[index] * 500
    };
    let made: Vec<String> = go::groups(&tests, took)
        .iter()
        .map(|group| group.concat().replace("go_test:", ""))
        .collect();
    assert_eq!(made, ["abcde", "fg", "hi", "j", "k"]);
}

#[test]
fn names_since_go_1_21_are_packages_too() {
    let tests: Vec<String> = [
        "net:race",
        "fmt",
        "cmd/go",
        "bufio",
        "cmd/internal/testdir:0_1",
    ]
    .map(str::to_owned)
    .to_vec();
    let groups = go::groups(&tests, |_| 1000);
    assert_eq!(
        groups,
        [
            vec!["bufio", "fmt", "cmd/go"],
            vec!["net:race"],
            vec!["cmd/internal/testdir:0_1"],
        ]
    );
}

#[test]
fn scripts_that_cannot_be_split_are_one_job() {
    let world = World::new(GO);
    let compile = build("misc-compile-ppc", "go", false, true);
    let jobs = opening(&world.context(&compile));
    assert_eq!(names(&jobs), ["all"]);
    let all = program(&world.context(&compile), &jobs[0], &Base::Nothing);
    assert_eq!(
        told(&all).last().unwrap(),
        "run bash buildall.bash ^linux-ppc64 in go/src"
    );
    let native = build("linux-amd64-racecompile", "go", false, false);
    let jobs = opening(&world.context(&native));
    assert_eq!(names(&jobs), ["make"]);
    assert_eq!(
        told(&program(&world.context(&native), &jobs[0], &Base::Nothing))[2..],
        [
            "run bash make.bash in go/src",
            "run $WORKDIR/go/bin/go install -race cmd/compile in go/src/",
            "run $WORKDIR/go/bin/go build -a -gcflags=-c=8 std cmd in go/src/",
        ]
    );
    assert!(
        world
            .after(&native, jobs, &report(&["go_test:fmt"]))
            .is_empty()
    );
}

#[test]
fn without_a_snapshot_one_machine_does_everything() {
    let world = World::new(GO);
    let build = build("linux-mips", "go", false, false);
    let jobs = opening(&world.context(&build));
    let made = program(&world.context(&build), &jobs[0], &Base::Nothing);
    assert!(
        made.steps
            .iter()
            .all(|step| !matches!(step, Step::Keep { .. }))
    );
    let shards = world.after(
        &build,
        jobs,
        &report(&["go_test:fmt", "go_test:net", "reboot"]),
    );
    assert_eq!(names(&shards), ["tests-1 < make"]);
    assert_eq!(snapshot_key(&world.context(&build), &shards[0]), None);
}

#[test]
fn a_builder_without_a_bootstrap_loads_one_and_windows_has_scripts_of_its_own() {
    let world = World::new(GO);
    let build = build("windows-386-2008", "go", false, false);
    let jobs = opening(&world.context(&build));
    let steps = told(&program(&world.context(&build), &jobs[0], &Base::Nothing));
    assert_eq!(
        steps[2..4],
        ["fetch go1.4", "run cmd /c make.bat in go/src"]
    );
}

#[test]
fn a_cross_compiled_toolchain_is_made_elsewhere() {
    let world = World::new(GO);
    let tried = build("linux-arm", "go", false, true);
    let context = world.context(&tried);
    let jobs = opening(&context);
    assert_eq!(names(&jobs), ["make", "list < make"]);
    assert_eq!(host(&context, &jobs[0]).as_str(), "host-linux-armhf-cross");
    assert_eq!(host(&context, &jobs[1]).as_str(), "host-linux-arm-scaleway");
    let made = program(&context, &jobs[0], &Base::Nothing);
    let Step::Run(make) = &made.steps[2] else {
        panic!("{made:?}")
    };
    assert_eq!(make.env["GOARM"], "7");
    assert_eq!(make.env["GOARCH"], "arm");
    assert_eq!(make.env["CC_FOR_TARGET"], "arm-linux-gnueabihf-gcc");
    assert!(matches!(made.steps[3], Step::Keep { .. }));
    assert_eq!(
        told(&program(&context, &jobs[1], &Base::Snapshot(blob()))),
        [
            "restore go",
            "list $WORKDIR/go/bin/go tool dist test --no-rebuild --list in /",
        ]
    );
    // Post-submit builds have time to be made where they run.
    let native = build("linux-arm", "go", false, false);
    let context = world.context(&native);
    let jobs = opening(&context);
    assert_eq!(names(&jobs), ["make"]);
    assert_eq!(host(&context, &jobs[0]).as_str(), "host-linux-arm-scaleway");
}

fn branch(repo: &str, digit: char) -> Branch {
    Branch {
        repo: repo.parse().unwrap(),
        name: "master".to_owned(),
        default: true,
        commits: vec![CommitInfo {
            id: commit(digit),
            parents: Vec::new(),
            author: String::new(),
            email: String::new(),
            time: Timestamp::UNIX_EPOCH,
            subject: String::new(),
        }],
        total: 0,
        observed: Timestamp::UNIX_EPOCH,
    }
}

#[test]
fn a_sub_repository_is_tested_with_what_was_made() {
    let mut world = World::new(GO);
    for (repo, digit) in [("net", 'a'), ("text", 'd'), ("go", 'b')] {
        let branch = branch(repo, digit);
        let key = (branch.repo.clone(), branch.name.clone());
        world.branches.insert(key, branch);
    }
    let net = build("linux-amd64-longtest", "net", true, false);
    let context = world.context(&net);
    let jobs = opening(&context);
    assert_eq!(names(&jobs), ["test"]);
    let made = program(&context, &jobs[0], &Base::Snapshot(blob()));
    assert_eq!(
        told(&made),
        [
            "restore go",
            "source net aaaaaaaa into gopath/src/golang.org/x/net",
            "modules of golang.org/x/net beside [\"golang.org/x/text\"]",
            "test $WORKDIR/go/bin/go test golang.org/x/net/... in gopath/src/golang.org/x/net/ [[]]",
        ]
    );
    // Where nothing is left of the toolchain, it is made along the way.
    assert!(begins_with_nothing(&context, &jobs[0]));
    assert_eq!(
        told(&program(&context, &jobs[0], &Base::Nothing))[..2],
        ["write go/VERSION: devel bbb", "source go bbbbbbbb into go"]
    );
    let dl = build("linux-amd64-race", "dl", true, false);
    let last = told(&program(&world.context(&dl), &jobs[0], &Base::WorkDir)).pop();
    assert_eq!(
        last.unwrap(),
        "test $WORKDIR/go/bin/go test -short -race golang.org/dl/... in gopath/src/golang.org/dl/ [[]]"
    );
}

#[test]
fn tests_have_the_tree_in_their_environment() {
    let world = World::new(GO);
    let env = |builder: &str, repo: &str, against: bool| {
        let build = build(builder, repo, against, false);
        let part = Part::Tests {
            units: vec!["go_test:fmt".to_owned()],
        };
        let job = job("tests-1", part, &["make"]).unwrap();
        let program = program(&world.context(&build), &job, &Base::WorkDir);
        let Some(Step::Tests(tests)) = program.steps.last().cloned() else {
            panic!("{program:?}")
        };
        let mut env = program.env;
        env.extend(tests.command.env);
        env
    };
    let linux = env("linux-amd64", "go", false);
    assert_eq!(linux["GO_BUILDER_NAME"], "linux-amd64");
    assert_eq!(linux["GOROOT"], "$WORKDIR/go");
    assert_eq!(linux["GOPATH"], "$WORKDIR/gopath");
    assert_eq!(linux["GOPROXY"], "off");
    assert_eq!(linux["PATH"], "$WORKDIR/go/bin:$PATH");
    let wasm = env("js-wasm", "go", false);
    assert!(wasm["PATH"].starts_with("$WORKDIR/go/bin:/usr/local/sbin:"));
    assert!(wasm["PATH"].ends_with("misc/wasm"));
    let arm = env("linux-arm", "oauth2", true);
    assert_eq!(arm["GO_BUILDER_SET_GOPROXY"], "coordinator");
    assert_eq!(arm["GO111MODULE"], "on");
    assert!(!arm.contains_key("GOPROXY"));
}

const STEPS: &str = r#"
[hosts.local]
env = { CI = "1", LEVEL = "host" }
[builders.plain]
host = "local"
env = { LEVEL = "builder" }
steps = [{ run = "make" }, { run = "cargo test", format = "libtest" }]
[builders.split]
host = "local"
steps = [{ run = "make" }]
[builders.split.tests]
list = "./list"
run = ["./test"]
shards = 3
target = "10s"
[builders.unkept]
host = "local"
steps = [{ run = "make" }]
tests = { list = "./list", run = ["./test"], shards = 2, target = "1s", format = "go-json", keep = false }
[repositories.sample]
"#;

#[test]
fn steps_are_one_job_of_commands_and_tests() {
    let world = World::new(STEPS);
    let build = build("plain", "sample", false, false);
    let context = world.context(&build);
    let jobs = opening(&context);
    assert_eq!(names(&jobs), ["steps"]);
    let made = program(&context, &jobs[0], &Base::Nothing);
    assert_eq!(
        told(&made),
        [
            "source sample aaaaaaaa into src",
            "run /bin/sh -c make in src/",
            "test /bin/sh -c cargo test in src/ [[]]",
        ]
    );
    let Step::Tests(tests) = &made.steps[2] else {
        panic!()
    };
    assert_eq!(tests.format, TestFormat::Libtest);
    assert_eq!(made.env["LEVEL"], "builder");
    assert_eq!(made.env["CI"], "1");
    assert!(!tries_again(&context));
}

#[test]
fn steps_with_tests_are_split_by_how_long_these_take() {
    let mut world = World::new(STEPS);
    world.timing("split", "slow", 30);
    let build = build("split", "sample", false, false);
    let jobs = opening(&world.context(&build));
    assert_eq!(names(&jobs), ["setup"]);
    let context = world.context(&build);
    assert_eq!(
        told(&program(&context, &jobs[0], &Base::Nothing))[2..],
        ["keep src without ", "list /bin/sh -c ./list sh in src/"]
    );
    let few = world.after(&build, jobs.clone(), &report(&["a", "b"]));
    assert_eq!(names(&few), ["tests-1 < setup"]);
    let shards = world.after(&build, jobs.clone(), &report(&["a", "slow", "b"]));
    let parts: Vec<&Part> = shards.iter().map(|job| &job.part).collect();
    let units = |units: &[&str]| Part::Tests {
        units: units.iter().map(|unit| (*unit).to_owned()).collect(),
    };
    assert_eq!(parts, [&units(&["a"]), &units(&["slow"]), &units(&["b"])]);
    // Done again because what it made was lost: the shards are there.
    let mut all = jobs;
    all.extend(shards.clone());
    assert!(
        world
            .after(&build, all, &report(&["a", "slow", "b"]))
            .is_empty()
    );
    assert!(!begins_with_nothing(&context, &shards[0]));
    assert_eq!(
        told(&program(&context, &shards[1], &Base::Snapshot(blob()))),
        ["restore src", "test ./test in src/ [[\"slow\"]]"]
    );
    assert_eq!(shards[0].state, JobState::Blocked);
}

#[test]
fn shards_without_a_kept_folder_do_the_steps_themselves() {
    let world = World::new(STEPS);
    let build = build("unkept", "sample", false, false);
    let jobs = opening(&world.context(&build));
    let context = world.context(&build);
    let shards = world.after(&build, jobs, &report(&["a", "b", "c"]));
    assert_eq!(shards.len(), 2);
    assert!(begins_with_nothing(&context, &shards[0]));
    assert_eq!(
        told(&program(&context, &shards[0], &Base::Nothing)),
        [
            "source sample aaaaaaaa into src",
            "run /bin/sh -c make in src/",
            "test ./test in src/ [[\"a\", \"c\"]]",
        ]
    );
}
