//! Which names a page of a list has: <https://cloud.google.com/storage/docs/xml-api/get-bucket-list>.

use std::collections::BTreeMap;
use std::ops::Bound;

/// The most entries of a page.
pub const MOST: usize = 1000;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Only names that begin with this.
    pub prefix: String,
    /// Names that have it after the prefix are folded into what comes before, with it.
    pub delimiter: Option<String>,
    /// Only names after this one.
    pub after: Option<String>,
    /// The most entries, objects and folded names together.
    pub limit: usize,
}

/// A page of entries in order.
#[derive(Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// Whole names, with what they stand for.
    pub objects: Vec<(String, T)>,
    /// Folded ones.
    pub prefixes: Vec<String>,
    /// Where the next page begins: after the last name of this one. None at the end.
    pub next: Option<String>,
}

/// The page of `all` that is asked for. Names that are folded into one are stepped over together.
pub fn page<T: Clone>(all: &BTreeMap<String, T>, asked: &Asked) -> Page<T> {
    let mut page = Page {
        objects: Vec::new(),
        prefixes: Vec::new(),
        next: None,
    };
    let mut last: Option<String> = None;
    let mut from = start(asked);
    loop {
        let mut rest = all.range::<str, _>((from.as_ref().map(String::as_str), Bound::Unbounded));
        let Some((name, value)) = rest
            .next()
            .filter(|(name, _)| name.starts_with(&asked.prefix))
        else {
            return page;
        };
        if page.objects.len() + page.prefixes.len() >= asked.limit {
            page.next = last;
            return page;
        }
        match folded(name, asked) {
            Some(prefix) => {
                page.prefixes.push(prefix.to_owned());
                last = Some(prefix.to_owned());
                from = beyond(prefix);
            }
            None => {
                page.objects.push((name.clone(), value.clone()));
                last = Some(name.clone());
                from = Bound::Excluded(name.clone());
            }
        }
    }
}

/// The first name that may be on the page.
fn start(asked: &Asked) -> Bound<String> {
    match &asked.after {
        Some(after) if *after >= asked.prefix => match folded(after, asked) {
            // What was folded into the last entry of the page before is not shown again.
            Some(prefix) if prefix == after => beyond(prefix),
            _ => Bound::Excluded(after.clone()),
        },
        _ => Bound::Included(asked.prefix.clone()),
    }
}

fn folded<'a>(name: &'a str, asked: &Asked) -> Option<&'a str> {
    let delimiter = asked.delimiter.as_deref().filter(|d| !d.is_empty())?;
    let rest = name.strip_prefix(&asked.prefix)?;
    let at = rest.find(delimiter)?;
    name.get(..asked.prefix.len() + at + delimiter.len())
}

/// The first name after all that begin with `prefix`.
fn beyond(prefix: &str) -> Bound<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        // Surrogates are no characters.
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            chars.push(next);
            return Bound::Included(chars.into_iter().collect());
        }
    }
    Bound::Excluded(prefix.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(all: &[&str], asked: &Asked) -> (Vec<String>, Vec<String>, Option<String>) {
        let all = all.iter().map(|name| ((*name).to_owned(), ())).collect();
        let page = page(&all, asked);
        let objects = page.objects.into_iter().map(|(name, ())| name).collect();
        (objects, page.prefixes, page.next)
    }

    fn asked(prefix: &str, delimiter: Option<&str>, after: Option<&str>, limit: usize) -> Asked {
        Asked {
            prefix: prefix.to_owned(),
            delimiter: delimiter.map(str::to_owned),
            after: after.map(str::to_owned),
            limit,
        }
    }

    const ALL: [&str; 8] = ["a", "a/1", "a/2/x", "a/2/y", "a/3", "b/1", "c", "é/1"];

    #[test]
    fn folders_are_shown_once() {
        let (objects, prefixes, next) = names(&ALL, &asked("", Some("/"), None, 10));
        assert_eq!(objects, ["a", "c"]);
        assert_eq!(prefixes, ["a/", "b/", "é/"]);
        assert_eq!(next, None);
        let (objects, prefixes, _) = names(&ALL, &asked("a/", Some("/"), None, 10));
        assert_eq!((objects.len(), prefixes), (2, vec!["a/2/".to_owned()]));
    }

    #[test]
    fn pages_put_together_are_the_whole() {
        for delimiter in [None, Some("/")] {
            for prefix in ["", "a", "a/", "a/2/", "x"] {
                let whole = names(&ALL, &asked(prefix, delimiter, None, 100));
                for limit in 1..5 {
                    let mut seen = (Vec::new(), Vec::new());
                    let mut after = None;
                    loop {
                        let page = names(&ALL, &asked(prefix, delimiter, after.as_deref(), limit));
                        seen.0.extend(page.0);
                        seen.1.extend(page.1);
                        after = page.2;
                        if after.is_none() {
                            break;
                        }
                    }
                    assert_eq!((&seen.0, &seen.1), (&whole.0, &whole.1), "{prefix} {limit}");
                }
            }
        }
    }

    #[test]
    fn a_start_between_names_is_one_too() {
        let after = |name| names(&ALL, &asked("a/", None, Some(name), 10)).0;
        assert_eq!(after("a/2"), ["a/2/x", "a/2/y", "a/3"]);
        assert_eq!(after("a/2/x"), ["a/2/y", "a/3"]);
        assert_eq!(after("Z").len(), 4);
        assert!(after("b").is_empty());
        let folded = names(&ALL, &asked("a/", Some("/"), Some("a/2/x"), 10));
        assert_eq!(folded.1, ["a/2/"], "what comes after it is still in there");
    }

    #[test]
    fn the_last_character_has_none_after_it() {
        let odd = ["\u{d7ff}x", "\u{10ffff}x", "\u{10ffff}y"];
        let (_, prefixes, _) = names(&odd, &asked("", Some("x"), None, 10));
        assert_eq!(prefixes, ["\u{d7ff}x", "\u{10ffff}x"]);
        assert_eq!(beyond("\u{d7ff}"), Bound::Included("\u{e000}".to_owned()));
        assert_eq!(beyond("a\u{10ffff}"), Bound::Included("b".to_owned()));
    }
}
