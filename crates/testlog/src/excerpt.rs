//! The beginning and the end of a text of any length.

use std::collections::VecDeque;

/// Stands where something was left out.
const LEFT_OUT: &str = "\n[…]\n";

/// Keeps so many bytes of what it is given: half of them from the beginning, half from the end. The beginning says what
/// broke, the end how it was judged.
#[derive(Debug, Default)]
pub struct Excerpt {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    left_out: bool,
}

impl Excerpt {
    /// More text; at most `limit` bytes are kept. Says by how many bytes what is kept has grown.
    pub fn push(&mut self, text: &str, limit: usize) -> usize {
        let before = self.kept();
        let half = limit / 2;
        let to_head = if self.tail.is_empty() && !self.left_out {
            text.len().min(half.saturating_sub(self.head.len()))
        } else {
            0
        };
        let (head, rest) = text.as_bytes().split_at(to_head);
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        let over = self.tail.len().saturating_sub(half);
        self.left_out |= over > 0;
        self.tail.drain(..over);
        self.kept().saturating_sub(before)
    }

    /// Bytes held.
    pub fn kept(&self) -> usize {
        self.head.len() + self.tail.len()
    }

    /// What is kept, as text.
    pub fn text(&self) -> String {
        let mut bytes = self.head.clone();
        if !self.left_out {
            bytes.extend(&self.tail);
            return String::from_utf8_lossy(&bytes).into_owned();
        }
        // Cut within a character, what is left of it is no character.
        let cut = bytes
            .utf8_chunks()
            .last()
            .map_or(0, |last| last.invalid().len());
        bytes.truncate(bytes.len() - cut);
        bytes.extend(LEFT_OUT.bytes());
        bytes.extend(self.tail.iter().skip_while(|byte| **byte & 0xC0 == 0x80));
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginning_and_end_are_kept() {
        let mut excerpt = Excerpt::default();
        for text in ["one ", "two ", "three ", "four ", "five"] {
            excerpt.push(text, 16);
        }
        assert_eq!(excerpt.kept(), 16);
        assert_eq!(excerpt.text(), "one two \n[…]\nour five");
        let mut short = Excerpt::default();
        assert_eq!(short.push("ä", 3), 2);
        assert_eq!(short.text(), "ä");
    }

    #[test]
    fn no_character_is_cut() {
        let mut excerpt = Excerpt::default();
        excerpt.push(&"ä".repeat(20), 10);
        assert_eq!(excerpt.text(), "ää\n[…]\nää");
    }
}
