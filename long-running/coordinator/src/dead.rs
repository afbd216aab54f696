//! What lies in the dead letters of our own subscriptions is an operator's business: counted, and shown with the last reason.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use farm_bus::{Bus, DeadLetter, SubscriptionSpec};
use farm_core::Fact;
use farm_model::view::DeadStatus;

use crate::engine::Input;
use crate::status::Board;

/// Counted up to here.
const MOST: u32 = 100;
/// Of a reason, in characters.
const REASON: usize = 300;

/// Looks at the start, and again after each `pause`.
pub(crate) fn start(
    tasks: &mut JoinSet<()>,
    bus: &Bus,
    inputs: &mpsc::Sender<Input>,
    board: &Board,
    pause: Duration,
) {
    for spec in SubscriptionSpec::coordinator() {
        tasks.spawn(watch(
            bus.clone(),
            spec.name,
            inputs.clone(),
            board.clone(),
            pause,
        ));
    }
}

async fn watch(
    bus: Bus,
    subscription: String,
    inputs: mpsc::Sender<Input>,
    board: Board,
    pause: Duration,
) {
    let mut told = None;
    loop {
        match bus.dead_letters(&subscription, MOST).await {
            Ok(letters) => {
                let reason = letters.last().map(|letter| short(&letter.reason));
                let count = letters.len();
                board.dead(&subscription, DeadStatus { count, reason });
                let text = sentence(&letters);
                if text != told {
                    let about = format!("dead letters of {subscription}");
                    let fact = Fact::Trouble {
                        about,
                        text: text.clone(),
                    };
                    let input = Input {
                        facts: vec![fact],
                        ..Input::default()
                    };
                    if inputs.send(input).await.is_err() {
                        return;
                    }
                    told = text;
                }
            }
            Err(error) => tracing::warn!(%error, "cannot count dead letters"),
        }
        tokio::time::sleep(pause).await;
    }
}

/// None is no trouble.
fn sentence(letters: &[DeadLetter]) -> Option<String> {
    let last = letters.last()?;
    let reason = short(&last.reason);
    let count = match letters.len() {
        1 => "1 message that nobody could use".to_owned(),
        n if n >= MOST as usize => format!("{n} messages or more that nobody could use"),
        n => format!("{n} messages that nobody could use"),
    };
    Some(format!("{count}; one of them: {reason}"))
}

fn short(reason: &str) -> String {
    reason.chars().take(REASON).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(count: usize) -> Vec<DeadLetter> {
        let letter = |n| DeadLetter {
            id: format!("{n}"),
            reason: "it is no JSON".to_owned(),
            event: Err("it has no attribute ce-id".to_owned()),
            data: String::new(),
        };
        (0..count).map(letter).collect()
    }

    #[test]
    fn nothing_is_no_trouble_and_many_are_counted_up_to_a_bound() {
        assert_eq!(sentence(&letters(0)), None);
        let said = |count| sentence(&letters(count)).unwrap();
        assert_eq!(
            said(1),
            "1 message that nobody could use; one of them: it is no JSON"
        );
        assert!(said(2).starts_with("2 messages that"));
        assert!(said(100).starts_with("100 messages or more"));
    }
}
