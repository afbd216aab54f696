//! A command that lists what can be tested.

use farm_model::message::work::StepSpec;

use crate::attempt::desk::Desk;
use crate::attempt::{Attempt, Bad, End, in_step};

/// What is read of a list, in bytes: more than a report holds.
const MOST: usize = 256 << 10;

impl Attempt {
    /// Runs the command; the words of its output are units. A list that is too long for a report is the recipe's fault: a
    /// part of it would be a part of the tests.
    pub(super) async fn list(&self, command: &StepSpec, desk: &mut Desk<'_>) -> End {
        let mut said = Vec::new();
        let mut hear = |bytes: &[u8]| {
            let room = MOST - said.len();
            said.extend_from_slice(&bytes[..bytes.len().min(room)]);
        };
        self.command(command, &command.name, desk, &mut hear)
            .await?;
        let units: Vec<String> = String::from_utf8_lossy(&said)
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        if units.is_empty() {
            // Nothing to test would be a success in which nothing was tested.
            let nothing = "it lists nothing on standard output: there must be something to test";
            return Err(Bad::Failed(in_step(&command.name, nothing)));
        }
        if said.len() >= MOST || !desk.course.gains.list(units) {
            let much = "it lists more than a report holds: group what it lists";
            return Err(Bad::Failed(in_step(&command.name, much)));
        }
        Ok(())
    }
}
