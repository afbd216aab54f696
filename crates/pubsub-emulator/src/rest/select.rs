//! `fields`: which parts of an answer are wanted, such as `topics(name,labels),nextPageToken`.
//!
//! Reference: <https://cloud.google.com/apis/docs/system-parameters#definitions>.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::refusal::Refusal;

/// Deepest nesting that is read.
const DEEPEST: usize = 16;

/// The wanted names at one level, and what is wanted of each: all, if its own are empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Selection(BTreeMap<String, Selection>);

impl Selection {
    /// # Errors
    /// `INVALID_ARGUMENT` for anything but names, `,`, `/`, `.`, `*` and pairs of parentheses.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let mut rest = text;
        let selection = list(&mut rest, DEEPEST);
        match selection {
            Some(selection) if rest.is_empty() => Ok(selection),
            _ => Err(Refusal::invalid_field(
                "fields",
                format!("Invalid value at 'fields': {text:?}; write as in a,b(c,d/e)"),
            )),
        }
    }

    /// Leaves only what is wanted; of a list, of each item.
    pub fn apply(&self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.apply(item)),
            Value::Object(object) => object.retain(|name, inner| {
                let wanted = self.0.get(name).or_else(|| self.0.get("*"));
                if let Some(wanted) = wanted.filter(|wanted| !wanted.0.is_empty()) {
                    wanted.apply(inner);
                }
                wanted.is_some()
            }),
            _ => {}
        }
    }
}

fn list(rest: &mut &str, depth: usize) -> Option<Selection> {
    let mut selection = Selection::default();
    loop {
        let (name, inner) = item(rest, depth)?;
        selection.0.entry(name).or_default().0.extend(inner.0);
        match rest.strip_prefix(',') {
            Some(after) => *rest = after,
            None => return Some(selection),
        }
    }
}

fn item(rest: &mut &str, depth: usize) -> Option<(String, Selection)> {
    let depth = depth.checked_sub(1)?;
    let length = rest
        .bytes()
        .take_while(|b| b.is_ascii_alphanumeric() || b"_-*".contains(b))
        .count();
    let (name, after) = rest.split_at(length);
    if name.is_empty() {
        return None;
    }
    *rest = after;
    let inner = if let Some(after) = rest.strip_prefix(['/', '.']) {
        *rest = after;
        let (name, inner) = item(rest, depth)?;
        Selection([(name, inner)].into())
    } else if let Some(after) = rest.strip_prefix('(') {
        *rest = after;
        let inner = list(rest, depth)?;
        *rest = rest.strip_prefix(')')?;
        inner
    } else {
        Selection::default()
    };
    Some((name.to_owned(), inner))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_wanted_parts_stay() {
        let all = json!({
            "topics": [{ "name": "a", "labels": { "x": "1", "y": "2" }, "state": 1 }],
            "nextPageToken": "t",
        });
        for (fields, expected) in [
            ("nextPageToken", json!({ "nextPageToken": "t" })),
            ("topics/name", json!({ "topics": [{ "name": "a" }] })),
            ("topics.name", json!({ "topics": [{ "name": "a" }] })),
            (
                "topics(name,labels/y)",
                json!({ "topics": [{ "name": "a", "labels": { "y": "2" } }] }),
            ),
            (
                "*/state",
                json!({ "topics": [{ "state": 1 }], "nextPageToken": "t" }),
            ),
            ("none", json!({})),
            ("*", all.clone()),
        ] {
            let mut value = all.clone();
            Selection::parse(fields).unwrap().apply(&mut value);
            assert_eq!(value, expected, "{fields}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let deep = "a/".repeat(100) + "a";
        for fields in ["", "a,", "(a)", "a(b", "a)", "a b", &deep] {
            assert!(Selection::parse(fields).is_err(), "{fields}");
        }
    }
}
