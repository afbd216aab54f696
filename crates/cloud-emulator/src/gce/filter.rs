//! The filter expressions of lists, as far as they are of use here: `=`, `!=` and `:` on fields, `AND`, `OR`, `NOT` and
//! parentheses. Two expressions side by side are joined with `AND`. What is not understood is refused, never ignored.
//!
//! Reference: `filter` of <https://cloud.google.com/compute/docs/reference/rest/v1/instances/list>.

use serde_json::Value;

/// An expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Filter {
    /// All of them; none: everything.
    All(Vec<Filter>),
    /// One of them.
    Any(Vec<Filter>),
    Not(Box<Filter>),
    /// The field is just that.
    Is(String, String),
    /// The field is there and has that in it; `*` is in everything.
    Has(String, String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Is,
    IsNot,
    Has,
    Word(String),
}

impl Filter {
    /// Reads an expression. The error says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut tokens = tokens(text)?;
        tokens.reverse();
        let filter = any(&mut tokens)?;
        match tokens.pop() {
            None => Ok(filter),
            Some(token) => Err(format!("{token:?} is not expected there")),
        }
    }

    /// Whether a resource is meant.
    pub(super) fn matches(&self, resource: &Value) -> bool {
        match self {
            Self::All(filters) => filters.iter().all(|filter| filter.matches(resource)),
            Self::Any(filters) => filters.iter().any(|filter| filter.matches(resource)),
            Self::Not(filter) => !filter.matches(resource),
            Self::Is(field, wanted) => found(resource, field).is_some_and(|is| is == *wanted),
            Self::Has(field, wanted) => {
                let has = |is: String| wanted == "*" || is.contains(wanted.as_str());
                found(resource, field).is_some_and(has)
            }
        }
    }
}

/// The field as text. A label's key may have anything but a dot in it.
fn found(resource: &Value, field: &str) -> Option<String> {
    let mut parts = field.split('.');
    match parts.try_fold(resource, |value, part| value.get(part))? {
        Value::String(text) => Some(text.clone()),
        Value::Object(_) | Value::Array(_) => Some(String::new()),
        other => Some(other.to_string()),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut all = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '=' => (Token::Is, 1),
            ':' => (Token::Has, 1),
            '!' if rest.starts_with("!=") => (Token::IsNot, 2),
            '"' => {
                let end = rest.get(1..).and_then(|rest| rest.find('"'));
                let end = end.ok_or("a quotation mark is missing")?;
                (Token::Word(rest[1..=end].to_owned()), end + 2)
            }
            '<' | '>' | '!' => return Err(format!("{first:?} is not known to this emulator")),
            _ => {
                let ends = |c: char| c.is_whitespace() || "()=:!\"<>".contains(c);
                let end = rest.find(ends).unwrap_or(rest.len());
                (Token::Word(rest[..end].to_owned()), end)
            }
        };
        all.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(all)
}

/// Reads from the end of `left`.
fn any(left: &mut Vec<Token>) -> Result<Filter, String> {
    let mut each = vec![all(left)?];
    while is_word(left, "OR") {
        left.pop();
        each.push(all(left)?);
    }
    Ok(match each.pop() {
        Some(only) if each.is_empty() => only,
        last => Filter::Any(each.into_iter().chain(last).collect()),
    })
}

fn all(left: &mut Vec<Token>) -> Result<Filter, String> {
    let mut each = Vec::new();
    while !left.is_empty() && left.last() != Some(&Token::Close) && !is_word(left, "OR") {
        each.push(one(left)?);
        if is_word(left, "AND") {
            left.pop();
        }
    }
    Ok(Filter::All(each))
}

fn one(left: &mut Vec<Token>) -> Result<Filter, String> {
    if is_word(left, "NOT") {
        left.pop();
        return Ok(Filter::Not(Box::new(one(left)?)));
    }
    match left.pop() {
        Some(Token::Open) => {
            let inner = any(left)?;
            match left.pop() {
                Some(Token::Close) => Ok(inner),
                _ => Err("a parenthesis is not closed".to_owned()),
            }
        }
        Some(Token::Word(field)) => comparison(field, left),
        token => Err(format!("a field is expected, not {token:?}")),
    }
}

fn comparison(field: String, left: &mut Vec<Token>) -> Result<Filter, String> {
    let operator = left.pop();
    let Some(Token::Word(value)) = left.pop() else {
        return Err(format!("{field} is compared with nothing"));
    };
    match operator {
        Some(Token::Is) => Ok(Filter::Is(field, value)),
        Some(Token::IsNot) => Ok(Filter::Not(Box::new(Filter::Is(field, value)))),
        Some(Token::Has) => Ok(Filter::Has(field, value)),
        other => Err(format!("{other:?} is no comparison known to this emulator")),
    }
}

fn is_word(left: &[Token], word: &str) -> bool {
    matches!(left.last(), Some(Token::Word(found)) if found == word)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matches(text: &str) -> bool {
        let resource = json!({
            "name": "m1", "status": "RUNNING", "labels": { "farmhand-farm": "example", "empty": "" }
        });
        Filter::parse(text).unwrap().matches(&resource)
    }

    #[test]
    fn what_is_asked_for_is_found() {
        for text in [
            "",
            "name = m1",
            "labels.farmhand-farm=example",
            "labels.farmhand-farm = \"example\" AND status=RUNNING",
            "(labels.farmhand-farm = example) (status != TERMINATED)",
            "labels.empty:*",
            "name:m",
            "name = m2 OR status = RUNNING",
            "NOT labels.other:*",
        ] {
            assert!(matches(text), "{text}");
        }
    }

    #[test]
    fn and_nothing_else() {
        for text in [
            "name = m",
            "labels.farmhand-farm = exam",
            "labels.other:*",
            "name = m1 AND status = TERMINATED",
            "(name = m2 OR name = m3) status = RUNNING",
            "NOT name = m1",
        ] {
            assert!(!matches(text), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "name",
            "name =",
            "(name = m1",
            "name eq m1",
            "id > 5",
            "a = \"b",
            "a = b )",
        ] {
            assert!(Filter::parse(text).is_err(), "{text}");
        }
    }
}
