//! Schema resolution: whether what one schema writes another can read.
//!
//! Rules: <https://avro.apache.org/docs/1.12.0/specification/#schema-resolution>.

use std::collections::HashMap;

use super::{Avro, DEEPEST, Field, Type, TypeId};

/// Pairs of a reader's and a writer's type that were looked at. One that is being looked at counts
/// as fitting, which makes recursive types end.
struct Resolution<'a> {
    reader: &'a Avro,
    writer: &'a Avro,
    known: HashMap<(TypeId, TypeId), Result<(), String>>,
}

impl Avro {
    /// Says why messages of `writer` cannot be read.
    pub fn can_read(&self, writer: &Avro) -> Result<(), String> {
        let mut resolution = Resolution {
            reader: self,
            writer,
            known: HashMap::new(),
        };
        resolution.check(self.root, writer.root, DEEPEST)
    }
}

impl Resolution<'_> {
    fn check(&mut self, to: TypeId, from: TypeId, depth: usize) -> Result<(), String> {
        if let Some(known) = self.known.get(&(to, from)) {
            return known.clone();
        }
        let depth = depth
            .checked_sub(1)
            .ok_or_else(|| format!("nested deeper than {DEEPEST}"))?;
        self.known.insert((to, from), Ok(()));
        let result = self.resolve(to, from, depth);
        self.known.insert((to, from), result.clone());
        result
    }

    fn resolve(&mut self, to: TypeId, from: TypeId, depth: usize) -> Result<(), String> {
        let (reader, writer) = (self.reader, self.writer);
        match (reader.get(to), writer.get(from)) {
            (_, Type::Union(branches)) => branches
                .iter()
                .try_for_each(|branch| self.check(to, *branch, depth)),
            (Type::Union(branches), written) => {
                let mut branches = branches.iter();
                match branches.any(|branch| self.check(*branch, from, depth).is_ok()) {
                    true => Ok(()),
                    false => Err(format!("no branch of a union reads {}", written.name())),
                }
            }
            (Type::Array(to), Type::Array(from)) | (Type::Map(to), Type::Map(from)) => {
                self.check(*to, *from, depth)
            }
            (
                to @ Type::Record { fields, .. },
                from @ Type::Record {
                    fields: written, ..
                },
            ) if to.short_name() == from.short_name() => self.fields(fields, written, depth),
            (to, from) if reads(to, from) => Ok(()),
            (to, from) => Err(format!("{} does not read {}", to.name(), from.name())),
        }
    }

    /// A field that the writer does not write must have a default.
    fn fields(&mut self, to: &[Field], from: &[Field], depth: usize) -> Result<(), String> {
        to.iter().try_for_each(
            |field| match from.iter().find(|other| other.name == field.name) {
                Some(other) => self
                    .check(field.of, other.of, depth)
                    .map_err(|problem| format!("{}: {problem}", field.name)),
                None if field.has_default => Ok(()),
                None => Err(format!("{:?} is missing, and has no default", field.name)),
            },
        )
    }
}

/// Types without others in them: the same, or one that the other is promoted to.
fn reads(to: &Type, from: &Type) -> bool {
    use Type::{Boolean, Bytes, Double, Enum, Fixed, Float, Int, Long, Null, String};
    match (to, from) {
        (Null, Null)
        | (Boolean, Boolean)
        | (Int, Int)
        | (Long, Int | Long)
        | (Float, Int | Long | Float)
        | (Double, Int | Long | Float | Double)
        | (Bytes | String, Bytes | String) => true,
        (Fixed { size, .. }, Fixed { size: written, .. }) => {
            size == written && to.short_name() == from.short_name()
        }
        (
            Enum {
                symbols,
                has_default,
                ..
            },
            Enum {
                symbols: written, ..
            },
        ) => {
            let knows_all = written.iter().all(|symbol| symbols.contains(symbol));
            to.short_name() == from.short_name() && (*has_default || knows_all)
        }
        _ => false,
    }
}
