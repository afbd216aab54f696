//! The last messages that were published, cut to what a page shows.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use farm_pubsub_emulator::{MessageView, Seen};

/// Messages remembered, over all topics.
const REMEMBERED: usize = 100;
/// Bytes of a payload that are remembered.
const PAYLOAD: usize = 8 * 1024;
/// Bytes of attributes that are remembered, about.
const ATTRIBUTES: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<VecDeque<(Arc<str>, MessageView)>>);

impl Recent {
    pub(super) fn note(&self, seen: Seen) {
        let Seen::Published(topic, mut message) = seen else {
            return;
        };
        // A slice would keep all of it.
        let kept = &message.data[..message.data.len().min(PAYLOAD)];
        message.data = kept.to_vec().into();
        while message.attributes.len() > ATTRIBUTES {
            message.attributes.pop_last();
        }
        let mut last = self.0.lock();
        last.push_front((topic, message));
        last.truncate(REMEMBERED);
    }

    /// Those of one topic, the last one first.
    pub(super) fn of(&self, topic: &str) -> Vec<MessageView> {
        let last = self.0.lock();
        let of_topic = last.iter().filter(|(name, _)| &**name == topic);
        of_topic.map(|(_, message)| message.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded() {
        let recent = Recent::default();
        for n in 0..3 * REMEMBERED {
            let message = MessageView {
                id: n.to_string(),
                published: String::new(),
                data: vec![b'x'; 2 * PAYLOAD].into(),
                attributes: (0..100).map(|a| (a.to_string(), String::new())).collect(),
                ordering_key: String::new(),
            };
            let topic = if n % 2 == 0 { "even" } else { "odd" };
            recent.note(Seen::Published(topic.into(), message));
        }
        let odd = recent.of("odd");
        assert_eq!((odd.len(), odd[0].id.as_str()), (REMEMBERED / 2, "299"));
        assert_eq!(
            (odd[0].data.len(), odd[0].attributes.len()),
            (PAYLOAD, ATTRIBUTES)
        );
    }
}
