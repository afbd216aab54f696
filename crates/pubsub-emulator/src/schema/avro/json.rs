//! Avro's JSON encoding: a union's value is `null`, or an object that names its branch.

use serde_json::{Map, Value};

use super::{Avro, Field, Type, TypeId};

/// How a union's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unions {
    /// In messages: `{"string": "x"}`.
    Named,
    /// In default values: the value of any branch alone.
    Bare,
}

impl Avro {
    /// Says what does not fit. A record may have members that the schema does not know, as in
    /// Google's emulator.
    pub fn check_json(&self, data: &[u8]) -> Result<(), String> {
        // The depth is bounded by the reader of JSON, and with it that of the descent.
        let value: Value = serde_json::from_slice(data).map_err(|error| error.to_string())?;
        self.check_value(self.root, &value, Unions::Named)
    }

    pub(super) fn check_value(
        &self,
        of: TypeId,
        json: &Value,
        unions: Unions,
    ) -> Result<(), String> {
        let of = self.get(of);
        let fits = match (of, json) {
            (Type::Null, Value::Null)
            | (Type::Boolean, Value::Bool(_))
            | (Type::Float | Type::Double, Value::Number(_))
            | (Type::String, Value::String(_)) => true,
            (Type::Int, number) => whole(number).is_some_and(|n| i32::try_from(n).is_ok()),
            (Type::Long, number) => whole(number).is_some(),
            (Type::Bytes, Value::String(text)) => bytes(text).is_some(),
            (Type::Fixed { size, .. }, Value::String(text)) => bytes(text) == Some(*size),
            (Type::Enum { symbols, .. }, Value::String(text)) => symbols.contains(text),
            (Type::Array(items), Value::Array(list)) => {
                return list
                    .iter()
                    .try_for_each(|item| self.check_value(*items, item, unions));
            }
            (Type::Map(values), Value::Object(map)) => {
                return map
                    .values()
                    .try_for_each(|value| self.check_value(*values, value, unions));
            }
            (Type::Record { fields, .. }, Value::Object(object)) => {
                return self.check_fields(fields, object, unions);
            }
            (Type::Union(branches), json) => return self.check_union(branches, json, unions),
            _ => false,
        };
        if fits {
            Ok(())
        } else {
            Err(format!("{} is no {}", shortened(json), of.name()))
        }
    }

    fn check_fields(
        &self,
        fields: &[Field],
        object: &Map<String, Value>,
        unions: Unions,
    ) -> Result<(), String> {
        fields.iter().try_for_each(|field| {
            let value = object.get(&field.name);
            let value = value.ok_or_else(|| format!("field {:?} is missing", field.name))?;
            self.check_value(field.of, value, unions)
                .map_err(|problem| format!("{}: {problem}", field.name))
        })
    }

    fn check_union(&self, branches: &[TypeId], json: &Value, unions: Unions) -> Result<(), String> {
        if unions == Unions::Bare {
            let fits = |of: &TypeId| self.check_value(*of, json, unions).is_ok();
            return match branches.iter().any(fits) {
                true => Ok(()),
                false => Err(format!("{} is in no branch", shortened(json))),
            };
        }
        let named = match json {
            Value::Null => Some(("null", json)),
            Value::Object(object) if object.len() == 1 => object
                .iter()
                .next()
                .map(|(name, value)| (name.as_str(), value)),
            _ => None,
        };
        let (name, value) = named.ok_or_else(|| {
            format!(
                "{} names no branch, as in {{\"string\": \"x\"}}",
                shortened(json)
            )
        })?;
        let branch = branches.iter().find(|of| self.get(**of).name() == name);
        let branch = branch.ok_or_else(|| format!("the union has no branch {name:?}"))?;
        self.check_value(*branch, value, unions)
    }
}

/// A whole number, however it is written: `1`, `1.0`.
fn whole(json: &Value) -> Option<i64> {
    /// Beyond it not every whole number has a float of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number = json.as_number()?;
    number.as_i64().or_else(|| {
        let float = number.as_f64()?;
        #[expect(clippy::cast_possible_truncation, reason = "whole, and in range")]
        (float.fract() == 0.0 && float.abs() <= EXACT).then_some(float as i64)
    })
}

/// The length of bytes written as characters up to U+00FF.
fn bytes(text: &str) -> Option<usize> {
    text.chars()
        .all(|c| u32::from(c) <= 0xff)
        .then(|| text.chars().count())
}

fn shortened(json: &Value) -> String {
    const LONGEST: usize = 60;
    let text = json.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
