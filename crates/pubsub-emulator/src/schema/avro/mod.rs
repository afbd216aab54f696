//! Avro: <https://avro.apache.org/docs/1.12.0/specification/>.
//!
//! Written here because the decoder of the `apache-avro` crate takes a message that ends too early
//! and has no bound on the depth of recursive types. Logical types are checked as what they are
//! written as.

mod binary;
mod compatible;
mod json;
mod parse;
#[cfg(test)]
mod tests;

/// Deepest nesting of a message.
const DEEPEST: usize = 200;

/// A schema: its types, which refer to each other by number, and which of them is the whole.
#[derive(Debug)]
pub(crate) struct Avro {
    types: Vec<Type>,
    root: TypeId,
}

/// A type's place among the types of its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct TypeId(usize);

#[derive(Debug)]
enum Type {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Array(TypeId),
    Map(TypeId),
    Union(Vec<TypeId>),
    Record {
        name: String,
        fields: Vec<Field>,
    },
    Enum {
        name: String,
        symbols: Vec<String>,
        has_default: bool,
    },
    Fixed {
        name: String,
        size: usize,
    },
}

#[derive(Debug)]
struct Field {
    name: String,
    of: TypeId,
    has_default: bool,
}

impl Avro {
    fn get(&self, id: TypeId) -> &Type {
        &self.types[id.0]
    }
}

impl Type {
    /// As a union's branch is named in JSON: a full name for what has one.
    fn name(&self) -> &str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
            Self::Record { name, .. } | Self::Enum { name, .. } | Self::Fixed { name, .. } => name,
        }
    }

    /// Without the namespace.
    fn short_name(&self) -> &str {
        let name = self.name();
        name.rsplit_once('.').map_or(name, |(_, short)| short)
    }

    fn primitive(name: &str) -> Option<Self> {
        Some(match name {
            "null" => Self::Null,
            "boolean" => Self::Boolean,
            "int" => Self::Int,
            "long" => Self::Long,
            "float" => Self::Float,
            "double" => Self::Double,
            "bytes" => Self::Bytes,
            "string" => Self::String,
            _ => return None,
        })
    }
}
