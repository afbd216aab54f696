//! Making the toolchain (spec coordinator 5.2 to 5.5).

use std::collections::BTreeMap;

use farm_model::config::Cross;
use farm_model::message::work::{Step, StepSpec};
use farm_model::record::Job;

use super::names::{
    all_args, all_script, is_race, keeps_snapshot, make_args, make_script, os_arch, race_packages,
};
use super::{Base, GOROOT, MAKE, Plan, restore};

/// In the work dir, once the toolchain is made: nobody needs them, and they are large.
const NEEDLESS: [&str; 2] = ["go/doc/gopher", "go/pkg/bootstrap"];
/// For the whole way of a snapshot, in seconds.
const KEEP: u64 = 5 * 60;
/// The compiler, which is tried for data races by building everything with it.
const COMPILER: &str = "cmd/compile";
/// What a cross compiler leaves for the wrong system, and commands in a folder that only it uses.
const TIDY: &str = "./make.bash && cd .. && mv bin/${GOOS}_$GOARCH/* bin/ && rmdir bin/${GOOS}_$GOARCH && \
     rm -rf pkg/linux_amd64 pkg/tool/linux_amd64 pkg/bootstrap pkg/obj";

impl Plan<'_> {
    /// Everything up to the toolchain; with the race detector's packages where they are wanted.
    pub(super) fn make(&self) -> Vec<Step> {
        let mut steps = self.sources();
        let script = make_script(self.name, self.go);
        steps.push(self.script("make", &script, make_args(self.name, self.go)));
        steps.extend(self.race_install());
        steps
    }

    /// The one script that does everything.
    pub(super) fn make_and_test(&self) -> Vec<Step> {
        let mut steps = self.sources();
        let script = all_script(self.name, self.go);
        steps.push(self.script("all", &script, all_args(self.name, self.go)));
        steps
    }

    /// The toolchain, kept, and the list of its tests. With a snapshot, or after another machine's work, only the list.
    pub(super) fn setup(&self, job: &Job, base: &Base) -> Vec<Step> {
        let cross = self
            .go
            .cross
            .as_ref()
            .filter(|_| self.cross_host().is_some());
        match (cross, base) {
            (Some(cross), _) if job.name.as_str() == MAKE => self.make_across(cross),
            (_, Base::Snapshot(_)) => restore(base).into_iter().chain([self.list()]).collect(),
            (_, Base::WorkDir) => vec![self.list()],
            (_, Base::Nothing) => {
                let mut steps = self.make();
                if keeps_snapshot(self.name, self.go) {
                    steps.push(keep());
                }
                steps.push(self.list());
                steps
            }
        }
    }

    /// Source, version and bootstrap toolchain. A release's source brings its own version, over ours.
    fn sources(&self) -> Vec<Step> {
        let source = self.toolchain();
        let version = Step::Write {
            path: format!("{GOROOT}/VERSION"),
            text: format!("devel {}", source.commit),
            mode: 0o644,
        };
        let tree = Step::Source {
            source,
            into: GOROOT.to_owned(),
        };
        let bootstrap = self.host.and_then(|host| host.bootstrap.as_ref());
        let fetch = bootstrap.map(|bootstrap| Step::Fetch {
            url: bootstrap.url.clone(),
            into: bootstrap.dir.clone(),
        });
        [version, tree].into_iter().chain(fetch).collect()
    }

    /// A script of the toolchain's `src` folder.
    fn script(&self, name: &str, script: &str, args: Vec<String>) -> Step {
        let mut argv = self.interpreter(script);
        argv.extend(args);
        Step::Run(StepSpec {
            name: name.to_owned(),
            argv,
            dir: "src".to_owned(),
            root: GOROOT.to_owned(),
            // What is made belongs into the tree, wherever people keep their commands.
            env: BTreeMap::from([("GOBIN".to_owned(), String::new())]),
            timeout_seconds: self.limit(),
        })
    }

    /// What runs a script, by its ending.
    fn interpreter(&self, script: &str) -> Vec<String> {
        let words: Vec<String> = match script.rsplit_once('.').map(|(_, ending)| ending) {
            Some("bat") => vec!["cmd".to_owned(), "/c".to_owned(), script.to_owned()],
            Some("rc") => vec!["/bin/rc".to_owned(), script.to_owned()],
            _ => vec!["bash".to_owned(), script.to_owned()],
        };
        words
    }

    fn race_install(&self) -> Vec<Step> {
        let packages = race_packages(self.name, self.go);
        if packages.is_empty() {
            return Vec::new();
        }
        let src = format!("{GOROOT}/src");
        let mut args = vec!["install", "-race"];
        args.extend(packages.iter().map(String::as_str));
        let mut steps = vec![Step::Run(self.go(
            "race install",
            &src,
            &args,
            self.limit(),
        ))];
        if packages.iter().any(|package| package == COMPILER) {
            let args = ["build", "-a", "-gcflags=-c=8", "std", "cmd"];
            steps.push(Step::Run(self.go(
                "compile with it",
                &src,
                &args,
                self.limit(),
            )));
        }
        steps
    }

    /// `go tool dist test --list`.
    fn list(&self) -> Step {
        let mut args = vec!["tool", "dist", "test", "--no-rebuild", "--list"];
        args.extend(self.test_flags());
        Step::List(self.go("list tests", "", &args, self.limit()))
    }

    /// What every list and every run of tests has.
    pub(super) fn test_flags(&self) -> Vec<&str> {
        let race = is_race(self.name, self.go).then_some("--race");
        let compile = self.go.compile_only.then_some("--compile-only");
        let own = self.go.test_args.iter().map(String::as_str);
        race.into_iter().chain(compile).chain(own).collect()
    }

    /// On another, faster kind of machine: only what the tests need is left.
    fn make_across(&self, cross: &Cross) -> Vec<Step> {
        let (os, arch) = os_arch(self.name);
        let mut env = BTreeMap::from([
            ("GOROOT_BOOTSTRAP", "/go1.4"),
            ("CGO_ENABLED", "1"),
            ("CC_FOR_TARGET", cross.cc.as_str()),
            ("GOOS", os),
            ("GOARCH", arch),
            ("GOBIN", ""),
        ]);
        if let Some(goarm) = &cross.goarm {
            env.insert("GOARM", goarm);
        }
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let run = StepSpec {
            name: "cross make".to_owned(),
            argv: ["bash", "-c", TIDY].map(str::to_owned).to_vec(),
            dir: "src".to_owned(),
            root: GOROOT.to_owned(),
            env: env.into_iter().map(own).collect(),
            timeout_seconds: self.limit(),
        };
        let source = self.sources().into_iter();
        let mut steps: Vec<Step> = source
            .filter(|step| !matches!(step, Step::Fetch { .. }))
            .collect();
        steps.extend([Step::Run(run), keep()]);
        steps
    }
}

fn keep() -> Step {
    Step::Keep {
        dir: GOROOT.to_owned(),
        remove: NEEDLESS.map(str::to_owned).to_vec(),
        timeout_seconds: KEEP,
    }
}
