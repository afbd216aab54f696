//! What every queue must do, whoever it is of: one list of cases, held against each server that can be had here.

#[cfg(feature = "aws")]
mod aws;
mod cases;
mod emulator;
mod google;

use std::any::Any;
use std::sync::atomic::{AtomicU32, Ordering};

use farm_bus::Bus;

/// One server, with names of its own for one case.
pub struct World {
    url: String,
    /// Ends with the case.
    _server: Box<dyn Any + Send>,
}

impl World {
    fn new(url: String, server: impl Any + Send) -> Self {
        Self {
            url,
            _server: Box::new(server),
        }
    }

    fn bus(&self) -> Bus {
        open(&self.url)
    }
}

fn open(url: &str) -> Bus {
    Bus::open(&url.parse().unwrap()).unwrap()
}

/// A name that no other case of this process has.
fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    format!("case-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Makes a test of each case, in a world that `world` makes; there may be none.
macro_rules! suite {
    ($($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                if let Some(world) = world().await {
                    $crate::contract::cases::$case(&world.bus()).await;
                }
            }
        )*
    };
}

/// The cases that every server stands.
macro_rules! common_suite {
    () => {
        $crate::contract::suite! {
            what_is_published_is_received_as_it_was
            an_event_over_128_kib_is_refused_and_the_largest_is_not
            a_thousand_at_once_all_arrive_and_one_bad_one_spoils_no_other
            many_publish_side_by_side
            what_is_given_back_comes_again_and_is_counted
            what_is_dropped_comes_again
            what_is_worked_on_for_long_is_not_given_to_another
            a_dead_letter_can_be_received_as_the_event_that_it_was
            setting_up_twice_is_setting_up_once_and_loses_nothing
            a_subscription_to_another_topic_is_not_taken_over
            a_hub_receives_its_own_work
            a_receiver_waits_for_a_queue_that_is_not_there_yet
        }
    };
}

/// What Google's emulator does not do; its service does, as far as is documented.
macro_rules! strict_suite {
    () => {
        $crate::contract::suite! {
            no_more_is_held_than_the_limit_says
            what_is_rejected_lies_in_the_dead_letters_with_the_reason
            dead_letters_are_looked_at_and_stay
            a_dead_letter_is_sent_again_or_dropped_and_the_others_stay
            closing_waits_until_the_answers_are_with_the_queue
            a_hub_receives_nobody_elses_work
            what_nobody_acknowledges_ends_in_the_dead_letters
        }
    };
}

use {common_suite, strict_suite, suite};
