//! Labels of resources.
//!
//! Rules: <https://cloud.google.com/resource-manager/docs/labels-overview#requirements>.

use std::collections::HashMap;

use crate::refusal::Refusal;

const MOST: usize = 64;
/// Of a key and of a value, in characters.
const LONGEST: usize = 63;

/// # Errors
/// `INVALID_ARGUMENT` that names the first label that breaks a rule.
pub(crate) fn check(labels: &HashMap<String, String>) -> Result<(), Refusal> {
    if labels.len() > MOST {
        return Err(refuse(format!("{} labels: at most {MOST}", labels.len())));
    }
    for (key, value) in labels {
        if !key.starts_with(char::is_alphabetic) || !fits(key) {
            return Err(refuse(format!(
                "label key {key:?}: must be 1 to {LONGEST} lowercase letters, digits, _ or -, \
                 beginning with a letter"
            )));
        }
        if !fits(value) {
            return Err(refuse(format!(
                "value {value:?} of label {key:?}: must be at most {LONGEST} lowercase letters, \
                 digits, _ or -"
            )));
        }
    }
    Ok(())
}

fn refuse(problem: String) -> Refusal {
    Refusal::invalid_field("labels", problem)
}

fn fits(text: &str) -> bool {
    let taken = |c: char| c.is_alphanumeric() && !c.is_uppercase() || c == '_' || c == '-';
    text.chars().count() <= LONGEST && text.chars().all(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(key: &str, value: &str) -> bool {
        check(&[(key.to_owned(), value.to_owned())].into()).is_ok()
    }

    #[test]
    fn labels_follow_the_rules_of_the_cloud() {
        let long = "a".repeat(63);
        for (key, value) in [
            ("team", "farm"),
            ("a_b-1", ""),
            ("ä", "ß"),
            (&*long, &*long),
        ] {
            assert!(one(key, value), "{key}={value}");
        }
        let longer = "a".repeat(64);
        for (key, value) in [
            ("", "x"),
            ("1a", "x"),
            ("Team", "x"),
            ("a.b", "x"),
            ("a", "X"),
            ("a", "x y"),
            (&*longer, "x"),
            ("a", &*longer),
        ] {
            assert!(!one(key, value), "{key}={value}");
        }
        let many = |n: usize| (0..n).map(|n| (format!("k{n}"), String::new())).collect();
        assert!(check(&many(64)).is_ok());
        assert!(check(&many(65)).is_err());
    }
}
