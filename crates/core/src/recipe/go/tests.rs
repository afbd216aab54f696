//! Running the toolchain's tests (spec coordinator 5.6).

use farm_model::message::work::{Step, TestFormat, Tests};

use super::environment::tests_limit;
use super::{Base, Plan, restore};

impl Plan<'_> {
    /// Groups of tests, on what was made.
    pub(super) fn shard(&self, base: &Base, groups: Vec<Vec<String>>) -> Vec<Step> {
        let mut steps = match base {
            Base::Nothing => self.make(),
            Base::Snapshot(_) | Base::WorkDir => restore(base).into_iter().collect(),
        };
        let mut args = vec!["tool", "dist", "test", "--no-rebuild"];
        args.extend(self.test_flags());
        let limit = tests_limit(self.context.builder, self.host);
        let command = self.go("test", "", &args, limit);
        steps.push(Step::Tests(Tests {
            command,
            groups,
            format: TestFormat::Go,
            report: None,
            // Failed tests that pass alone excuse a shard: then the others must have run.
            stop_at_first: !self.go.keep_going && !self.context.builder.rerun_failed,
        }));
        steps
    }
}
