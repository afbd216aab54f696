//! Selectors of labels and fields.
//!
//! Reference: <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors>.

use serde_json::Value;

/// What labels have to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selector(Vec<(String, Needed)>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Needed {
    There,
    NotThere,
    In(Vec<String>),
    /// Also where there is none.
    NotIn(Vec<String>),
}

impl Selector {
    /// Reads what is between commas. The error says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let each = parts(text).into_iter().map(str::trim);
        let each = each.filter(|part| !part.is_empty());
        each.map(requirement).collect::<Result<_, _>>().map(Self)
    }

    /// Whether labels are as they have to be.
    pub(super) fn matches(&self, labels: &Value) -> bool {
        self.0.iter().all(|(key, needed)| {
            let is = labels.get(key).and_then(Value::as_str);
            match needed {
                Needed::There => is.is_some(),
                Needed::NotThere => is.is_none(),
                Needed::In(all) => is.is_some_and(|is| all.iter().any(|one| one == is)),
                Needed::NotIn(all) => is.is_none_or(|is| all.iter().all(|one| one != is)),
            }
        })
    }
}

/// Split at the commas that are in no parentheses.
fn parts(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    text.split(|c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    })
    .collect()
}

fn requirement(text: &str) -> Result<(String, Needed), String> {
    let one = |value: &str| vec![value.trim().to_owned()];
    for (operator, equal) in [("!=", false), ("==", true), ("=", true)] {
        if let Some((key, value)) = text.split_once(operator) {
            let wrap = if equal { Needed::In } else { Needed::NotIn };
            return Ok((named(key)?, wrap(one(value))));
        }
    }
    if let Some((before, rest)) = text.split_once('(') {
        let list = rest.strip_suffix(')').ok_or("a parenthesis is missing")?;
        let list = list.split(',').flat_map(one).collect();
        let (key, operator) = before.trim().rsplit_once(' ').unwrap_or((before, ""));
        return match operator {
            "in" => Ok((named(key)?, Needed::In(list))),
            "notin" => Ok((named(key)?, Needed::NotIn(list))),
            _ => Err(format!("{text:?} has neither `in` nor `notin`")),
        };
    }
    match text.strip_prefix('!') {
        Some(key) => Ok((named(key)?, Needed::NotThere)),
        None => Ok((named(text)?, Needed::There)),
    }
}

fn named(key: &str) -> Result<String, String> {
    let key = key.trim();
    if key.is_empty() || key.contains(char::is_whitespace) {
        return Err(format!("{key:?} is no label"));
    }
    Ok(key.to_owned())
}

/// What fields have to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fields(Vec<(&'static str, String, bool)>);

/// The fields that may be selected by here.
const FIELDS: [(&str, &str); 3] = [
    ("metadata.name", "/metadata/name"),
    ("metadata.namespace", "/metadata/namespace"),
    ("status.phase", "/status/phase"),
];

/// Reads a selector of fields. The error says what is wrong.
pub(super) fn fields(text: &str) -> Result<Fields, String> {
    let each = text.split(',').filter(|part| !part.trim().is_empty());
    let each = each.map(|part| {
        let (key, value) = part.split_once('=').ok_or("a field selector has an =")?;
        let (key, equal) = match key.strip_suffix('!') {
            Some(key) => (key, false),
            None => (key, true),
        };
        let mut known = FIELDS.iter();
        let known = known.find(|(name, _)| *name == key.trim());
        let (_, pointer) = known.ok_or_else(|| format!("field label not supported: {key}"))?;
        let value = value.trim_start_matches('=').trim();
        Ok::<_, String>((*pointer, value.to_owned(), equal))
    });
    each.collect::<Result<_, _>>().map(Fields)
}

impl Fields {
    /// Whether an object is as it has to be.
    pub(super) fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|(pointer, wanted, equal)| {
            (crate::answer::text(object, pointer) == wanted) == *equal
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matches(text: &str) -> bool {
        let labels = json!({ "farmhand-farm": "example", "app": "buildlet" });
        Selector::parse(text).unwrap().matches(&labels)
    }

    #[test]
    fn labels_are_selected() {
        for text in [
            "",
            "app",
            "app=buildlet, farmhand-farm == example",
            "app in (a, buildlet),!other",
            "other!=x",
            "app notin (a,b)",
        ] {
            assert!(matches(text), "{text}");
        }
        for text in [
            "other",
            "!app",
            "app=a",
            "app!=buildlet",
            "app in (a,b)",
            "other in (x)",
        ] {
            assert!(!matches(text), "{text}");
        }
        for text in ["=a", "app like (a)", "app in (a", "a b"] {
            assert!(Selector::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn fields_are_selected() {
        let pod = json!({ "metadata": { "name": "m1" }, "status": { "phase": "Running" } });
        let matches = |text: &str| fields(text).unwrap().matches(&pod);
        assert!(matches("") && matches("metadata.name=m1,status.phase!=Failed"));
        assert!(!matches("metadata.name=m2"));
        assert!(fields("spec.nodeName=x").is_err());
    }
}
