//! A definition to its types.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::json::Unions;
use super::{Avro, Field, Type, TypeId};

type Object = Map<String, Value>;

struct Parser {
    types: Vec<Type>,
    /// Named types by their full name.
    names: HashMap<String, TypeId>,
    /// Default values, which can be checked only when all types are known.
    defaults: Vec<(TypeId, Value, String)>,
}

impl Avro {
    /// Says what is wrong with a definition that is none.
    pub fn parse(definition: &str) -> Result<Self, String> {
        // The depth of the JSON is bounded by its reader, and with it that of the descent here.
        let json: Value = serde_json::from_str(definition).map_err(|error| error.to_string())?;
        if json.is_array() {
            return Err("a schema must define one type, and this is a union".to_owned());
        }
        let mut parser = Parser {
            types: Vec::new(),
            names: HashMap::new(),
            defaults: Vec::new(),
        };
        let root = parser.any(&json, "")?;
        let avro = Self {
            types: parser.types,
            root,
        };
        for (of, default, field) in &parser.defaults {
            avro.check_value(*of, default, Unions::Bare)
                .map_err(|problem| format!("the default of field {field:?}: {problem}"))?;
        }
        Ok(avro)
    }
}

impl Parser {
    fn add(&mut self, one: Type) -> TypeId {
        self.types.push(one);
        TypeId(self.types.len() - 1)
    }

    fn any(&mut self, json: &Value, namespace: &str) -> Result<TypeId, String> {
        match json {
            Value::String(name) => self.named(name, namespace),
            Value::Array(branches) => self.union(branches, namespace),
            Value::Object(object) => self.object(object, namespace),
            other => Err(format!("{other} is no type")),
        }
    }

    fn named(&mut self, name: &str, namespace: &str) -> Result<TypeId, String> {
        if let Some(primitive) = Type::primitive(name) {
            return Ok(self.add(primitive));
        }
        let full = full_name(name, namespace);
        let known = self.names.get(&full).or_else(|| self.names.get(name));
        known
            .copied()
            .ok_or_else(|| format!("unknown type {name:?}"))
    }

    fn union(&mut self, branches: &[Value], namespace: &str) -> Result<TypeId, String> {
        let mut ids = Vec::new();
        let mut seen = HashSet::new();
        for branch in branches {
            let id = self.any(branch, namespace)?;
            let of = &self.types[id.0];
            if matches!(of, Type::Union(_)) {
                return Err("a union directly in a union".to_owned());
            }
            if !seen.insert(of.name().to_owned()) {
                return Err(format!("a union with {:?} twice", of.name()));
            }
            ids.push(id);
        }
        if ids.is_empty() {
            return Err("a union of nothing".to_owned());
        }
        Ok(self.add(Type::Union(ids)))
    }

    fn object(&mut self, object: &Object, namespace: &str) -> Result<TypeId, String> {
        match object.get("type") {
            Some(Value::String(kind)) => match kind.as_str() {
                "record" | "error" => self.record(object, namespace),
                "enum" => self.enumeration(object, namespace),
                "fixed" => self.fixed(object, namespace),
                "array" => {
                    let items = self.any(get(object, "items")?, namespace)?;
                    Ok(self.add(Type::Array(items)))
                }
                "map" => {
                    let values = self.any(get(object, "values")?, namespace)?;
                    Ok(self.add(Type::Map(values)))
                }
                name => self.named(name, namespace),
            },
            Some(inner) => self.any(inner, namespace),
            None => Err("an object without \"type\"".to_owned()),
        }
    }

    /// Gives a named type its number and name, before what is in it may refer to it.
    fn declare(&mut self, object: &Object, namespace: &str) -> Result<Declared, String> {
        let name = text(object, "name")?;
        let own = match object.get("namespace") {
            Some(Value::String(own)) => own,
            _ => namespace,
        };
        let full = full_name(name, own);
        if !full.split('.').all(is_name) {
            return Err(format!("{full:?} is no name"));
        }
        let id = self.add(Type::Record {
            name: full.clone(),
            fields: Vec::new(),
        });
        if Type::primitive(&full).is_some() || self.names.insert(full.clone(), id).is_some() {
            return Err(format!("{full:?} is defined twice"));
        }
        let namespace = full.rsplit_once('.').map_or("", |(space, _)| space);
        Ok(Declared {
            id,
            namespace: namespace.to_owned(),
            name: full,
        })
    }

    fn record(&mut self, object: &Object, namespace: &str) -> Result<TypeId, String> {
        let declared = self.declare(object, namespace)?;
        let mut fields = Vec::new();
        let mut seen = HashSet::new();
        for json in list(object, "fields")? {
            let json = json.as_object().ok_or("a field must be an object")?;
            let name = text(json, "name")?.to_owned();
            if !is_name(&name) || !seen.insert(name.clone()) {
                return Err(format!("field {name:?}: no name, or there twice"));
            }
            let of = self.any(get(json, "type")?, &declared.namespace)?;
            if let Some(default) = json.get("default") {
                self.defaults.push((of, default.clone(), name.clone()));
            }
            let has_default = json.contains_key("default");
            fields.push(Field {
                name,
                of,
                has_default,
            });
        }
        let name = declared.name;
        self.types[declared.id.0] = Type::Record { name, fields };
        Ok(declared.id)
    }

    fn enumeration(&mut self, object: &Object, namespace: &str) -> Result<TypeId, String> {
        let Declared { id, name, .. } = self.declare(object, namespace)?;
        let mut symbols: Vec<String> = Vec::new();
        for json in list(object, "symbols")? {
            let symbol = json.as_str().filter(|symbol| is_name(symbol));
            let symbol = symbol.ok_or_else(|| format!("{json} is no symbol"))?;
            if symbols.iter().any(|before| before == symbol) {
                return Err(format!("symbol {symbol:?} is there twice"));
            }
            symbols.push(symbol.to_owned());
        }
        self.types[id.0] = Type::Enum {
            name,
            symbols,
            has_default: object.contains_key("default"),
        };
        Ok(id)
    }

    fn fixed(&mut self, object: &Object, namespace: &str) -> Result<TypeId, String> {
        let Declared { id, name, .. } = self.declare(object, namespace)?;
        let size = get(object, "size")?.as_u64();
        let size = size.and_then(|size| usize::try_from(size).ok());
        let size = size.ok_or("the size of a fixed must be a whole number")?;
        self.types[id.0] = Type::Fixed { name, size };
        Ok(id)
    }
}

struct Declared {
    id: TypeId,
    /// The full name.
    name: String,
    /// The namespace of what is in it.
    namespace: String,
}

fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}.{name}")
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn get<'a>(object: &'a Object, key: &str) -> Result<&'a Value, String> {
    object
        .get(key)
        .ok_or_else(|| format!("an object without {key:?}"))
}

fn text<'a>(object: &'a Object, key: &str) -> Result<&'a str, String> {
    let value = get(object, key)?;
    value
        .as_str()
        .ok_or_else(|| format!("{key:?} must be a string"))
}

fn list<'a>(object: &'a Object, key: &str) -> Result<&'a [Value], String> {
    let value = get(object, key)?;
    let items = value.as_array();
    items
        .map(Vec::as_slice)
        .ok_or_else(|| format!("{key:?} must be a list"))
}
