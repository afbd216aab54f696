//! Pages of lists. A page begins after a name, not at a number, so that what is made or deleted in
//! between neither repeats nor hides anything else.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::refusal::Refusal;

/// The largest page, and the one of callers who leave it to the server.
const MOST_A_PAGE: usize = 1000;
/// Begins what is inside a token, so that a token is told from other text.
const MARK: &str = "after:";

/// Which part of a list is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    most: usize,
    /// The last name of the page before; empty at the start.
    after: String,
}

impl Page {
    /// # Errors
    /// `INVALID_ARGUMENT` for a negative size, or a token that no page has given.
    pub fn new(size: i32, token: &str) -> Result<Self, Refusal> {
        let most = match usize::try_from(size) {
            Ok(0) => MOST_A_PAGE,
            Ok(size) => size.min(MOST_A_PAGE),
            Err(_) => {
                return Err(Refusal::invalid_field(
                    "page_size",
                    format!("page_size is {size}: must be 0 or more"),
                ));
            }
        };
        let after = match token {
            "" => String::new(),
            token => read(token).ok_or_else(|| {
                Refusal::invalid_field(
                    "page_token",
                    format!("page_token {token:?} is not the next_page_token of a list"),
                )
            })?,
        };
        Ok(Self { most, after })
    }

    /// Cuts a page out of names in order. Returns it with the token of the next one.
    pub fn cut<T>(self, all: impl Iterator<Item = (String, T)>) -> (Vec<T>, String) {
        let mut rest = all.filter(|(name, _)| *name > self.after).peekable();
        let mut page = Vec::new();
        let mut last = String::new();
        while page.len() < self.most
            && let Some((name, item)) = rest.next()
        {
            last = name;
            page.push(item);
        }
        let more = rest.peek().is_some();
        (page, if more { written(&last) } else { String::new() })
    }
}

fn written(after: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{MARK}{after}"))
}

fn read(token: &str) -> Option<String> {
    let inside = URL_SAFE_NO_PAD.decode(token).ok()?;
    let inside = String::from_utf8(inside).ok()?;
    inside.strip_prefix(MARK).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(
        mut names: Vec<&'static str>,
        meanwhile: impl Fn(&mut Vec<&str>),
    ) -> Vec<&'static str> {
        let mut seen = Vec::new();
        let mut token = String::new();
        loop {
            let list = names.iter().map(|name| ((*name).to_owned(), *name));
            let (page, next) = Page::new(2, &token).unwrap().cut(list);
            assert!(page.len() <= 2);
            seen.extend(page);
            token = next;
            if token.is_empty() {
                return seen;
            }
            meanwhile(&mut names);
        }
    }

    #[test]
    fn pages_cover_a_list_without_gap_or_repeat() {
        let all = vec!["a", "b", "c", "d", "e"];
        assert_eq!(pages(all.clone(), |_| {}), all);
    }

    #[test]
    fn deleting_what_was_seen_hides_nothing() {
        let seen = pages(vec!["a", "b", "c", "d", "e"], |names| {
            names.retain(|name| !["a", "b"].contains(name));
        });
        assert_eq!(seen, ["a", "b", "c", "d", "e"]);
    }

    #[test]
    fn only_tokens_of_a_page_are_taken() {
        for (size, token) in [
            (-1, ""),
            (1, "zzz"),
            (1, "projects/p/topics/abc"),
            (1, "YQ"),
        ] {
            assert!(Page::new(size, token).is_err(), "{size} {token}");
        }
        assert!(Page::new(i32::MAX, &written("a")).is_ok());
    }
}
