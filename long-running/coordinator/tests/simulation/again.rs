//! Every decision of a world is made again from its log, and must come out the same.

use coordinator::{Played, Player};

use crate::outside::Outside;

/// Decisions read at once.
const PAGE: u32 = 200;

/// From every checkpoint in turn, or over restarts and renewals from the first one on.
pub fn replay(outside: &mut Outside) -> Result<(), String> {
    let every = outside.rng.chance(500);
    let mut player = Player::default();
    let mut after = 0;
    loop {
        let page = outside.store.decisions(after, PAGE);
        let page = page.map_err(|error| error.to_string())?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = last.number;
        for decision in &page {
            let place = Player::place(decision).map_err(|error| error.to_string())?;
            let wanted = every || !player.is_playing();
            let checkpoint = outside.checkpoints.get(&place).filter(|_| wanted);
            match player.play(decision, checkpoint.cloned()) {
                Ok(Played::Same) => {}
                other => {
                    let number = decision.number;
                    return Err(format!(
                        "decision {number}, every {every}: replay found {other:?}"
                    ));
                }
            }
        }
    }
}
