//! `openapi.json` says what is answered, no more and no less.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::harness::Function;
use crate::pages::pages;
use crate::sample::{audit, breakages, build, failed, full};

fn document() -> Value {
    serde_json::from_str(include_str!("../../openapi.json")).unwrap()
}

/// Method and path.
type Route = (String, String);

/// Routes for people and clients: what webhooks send is their senders' to say, and what a queue or a clock calls is the
/// farm's own.
fn routes() -> BTreeSet<Route> {
    let manifest = functions::manifest::read().unwrap();
    let functions = manifest
        .iter()
        .filter(|(name, _)| !name.ends_with("-webhook"));
    let routes = functions.flat_map(|(_, function)| {
        let pushes = function.pushes.iter().map(|push| &push.path);
        let own: Vec<&String> = pushes
            .chain(function.ticks.iter().map(|tick| &tick.path))
            .collect();
        let routes = function.routes.iter();
        routes.filter(move |route| !own.contains(&&route.path))
    });
    routes
        .map(|route| (route.method.clone(), route.path.clone()))
        .collect()
}

#[test]
fn every_route_is_described_with_its_parameters_and_nothing_else_is() {
    let document = document();
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let methods = resolved(&document, methods);
        for (method, operation) in methods.as_object().unwrap() {
            described.insert((method.to_uppercase(), path.clone()));
            assert!(operation["summary"].is_string(), "{method} {path}");
            let parameters = operation["parameters"].as_array();
            let in_path: BTreeSet<&str> = parameters
                .into_iter()
                .flatten()
                .filter(|of| of["in"] == "path")
                .map(|of| of["name"].as_str().unwrap())
                .collect();
            let parts = path.split('/');
            let wanted: BTreeSet<&str> = parts
                .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
                .collect();
            assert_eq!(in_path, wanted, "{method} {path}");
        }
    }
    assert_eq!(described, routes());
}

/// What a path takes; another name of a path takes what that does.
fn resolved<'a>(document: &'a Value, path: &'a Value) -> &'a Value {
    let Some(to) = path["$ref"].as_str() else {
        return path;
    };
    let to = document.pointer(to.strip_prefix('#').unwrap());
    to.filter(|to| to.get("$ref").is_none()).unwrap()
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_used() {
    let document = document();
    let mut used = BTreeSet::new();
    references(&document["components"], &mut used);
    for path in document["paths"].as_object().unwrap().values() {
        references(resolved(&document, path), &mut used);
    }
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let there: BTreeSet<String> = schemas.keys().cloned().collect();
    // Documents that are in the bucket alone, beside those that are answered.
    used.insert("BreakagesView".to_owned());
    assert_eq!(used, there);
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(to)) = object.get("$ref") {
                let name = to.strip_prefix("#/components/schemas/").unwrap();
                found.insert(name.to_owned());
            }
            object.values().for_each(|value| references(value, found));
        }
        Value::Array(all) => all.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn what_is_answered_is_what_is_described() {
    let function = full().await;
    let document = document();
    for path in pages() {
        let path = match path.as_str() {
            "/" => "/api/grid".to_owned(),
            page => format!("/api{page}"),
        };
        answered(&function, &document, &path).await;
    }
    for path in [
        "/api/farm",
        "/api/status",
        "/api/grid?sheet=0",
        "/grid.json?sheet=0",
        "/status.json",
        "/api/commits/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "/api/failures",
    ] {
        answered(&function, &document, path).await;
    }
    let problem = function.get("/api/nowhere").await;
    let problem: Value = serde_json::from_str(problem.of(404)).unwrap();
    holds(&document, "Problem", &problem);
    holds(
        &document,
        "AuditView",
        &serde_json::to_value(audit()).unwrap(),
    );
    let view = serde_json::to_value(breakages()).unwrap();
    holds(&document, "BreakagesView", &view);
    let view = serde_json::to_value(build(failed(Default::default()))).unwrap();
    holds(&document, "BuildView", &view);
}

async fn answered(function: &Function, document: &Value, path: &str) {
    let answer = function.get(path).await;
    let value: Value = serde_json::from_str(answer.of(200)).unwrap();
    let schema = schema_of(document, path.split('?').next().unwrap());
    holds(document, &schema, &value);
}

/// The schema of the answer of the route that takes this path.
fn schema_of(document: &Value, path: &str) -> String {
    let fits = |route: &str| {
        let (parts, wanted) = (path.split('/'), route.split('/'));
        parts.clone().count() == wanted.clone().count()
            && std::iter::zip(parts, wanted)
                .all(|(part, wanted)| part == wanted || wanted.starts_with('{'))
    };
    let paths = document["paths"].as_object().unwrap();
    let (_, route) = paths.iter().find(|(route, _)| fits(route)).unwrap();
    let schema = &resolved(document, route)["get"]["responses"]["200"]["content"]["application/json"]
        ["schema"];
    let name = schema["$ref"].as_str().unwrap();
    name.rsplit('/').next().unwrap().to_owned()
}

fn holds(document: &Value, schema: &str, value: &Value) {
    let schemas = document["components"]["schemas"].as_object().unwrap();
    assert_eq!(
        fault(schemas, &schemas[schema], value),
        None,
        "{schema}: {value:#}"
    );
}

/// Where a value is not as its schema says, strictly: a field that is not described is a fault. Of JSON Schema it knows
/// what the document uses.
fn fault(schemas: &Map<String, Value>, schema: &Value, value: &Value) -> Option<String> {
    if let Some(to) = schema["$ref"].as_str() {
        let name = to.rsplit('/').next().unwrap();
        return fault(schemas, &schemas[name], value).map(|fault| format!("{name}: {fault}"));
    }
    if let Some(any) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
        let faults: Vec<_> = any.iter().map(|one| fault(schemas, one, value)).collect();
        let fits = faults.iter().any(Option::is_none);
        return (!fits).then(|| format!("{value} fits none: {faults:?}"));
    }
    if let Some(wanted) = schema.get("const") {
        return (wanted != value).then(|| format!("{value} is not {wanted}"));
    }
    if let Some(of) = schema["enum"].as_array() {
        return (!of.contains(value)).then(|| format!("{value} is none of {of:?}"));
    }
    if !is_of_type(&schema["type"], value) {
        return Some(format!("{value} is not of type {}", schema["type"]));
    }
    match value {
        Value::Object(object) => in_object(schemas, schema, object),
        Value::Array(all) => in_array(schemas, schema, all),
        _ => None,
    }
}

fn is_of_type(wanted: &Value, value: &Value) -> bool {
    let is = |wanted: &str| match wanted {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the schema uses the type {other}"),
    };
    match wanted {
        Value::String(one) => is(one),
        Value::Array(any) => any.iter().any(|one| is(one.as_str().unwrap())),
        other => panic!("a schema without a type: {other}"),
    }
}

fn in_object(
    schemas: &Map<String, Value>,
    schema: &Value,
    object: &Map<String, Value>,
) -> Option<String> {
    let required = schema["required"].as_array().into_iter().flatten();
    let mut missing = required.filter(|name| !object.contains_key(name.as_str().unwrap()));
    if let Some(name) = missing.next() {
        return Some(format!("{name} is missing"));
    }
    object.iter().find_map(|(name, value)| {
        let described = schema["properties"].get(name);
        let other = schema.get("additionalProperties");
        match described.or(other.filter(|other| other.is_object())) {
            Some(schema) => fault(schemas, schema, value).map(|fault| format!("{name}: {fault}")),
            None => Some(format!("{name} is not described")),
        }
    })
}

fn in_array(schemas: &Map<String, Value>, schema: &Value, all: &[Value]) -> Option<String> {
    let first = schema["prefixItems"].as_array();
    all.iter().enumerate().find_map(|(place, value)| {
        let one = first.and_then(|first| first.get(place));
        match one.or(schema.get("items")) {
            Some(schema) => fault(schemas, schema, value),
            None => Some(format!("item {place} is not described")),
        }
    })
}

#[test]
fn what_is_not_described_is_found() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let says = |name: &str, json: &str| {
        let value = serde_json::from_str(json).unwrap();
        fault(schemas, &schemas[name], &value).unwrap_or_default()
    };
    let good = r#"{"document":"farm.json","made":"2019-04-25T10:00:00Z"}"#;
    assert_eq!(says("DocumentAge", good), "");
    assert!(says("DocumentAge", "{}").contains("is missing"));
    assert!(says("DocumentAge", r#"{"document":1}"#).contains("not of type"));
    assert!(says("DocumentAge", r#"{"document":"a","x":1}"#).contains("x is not described"));
    assert!(says("Status", "\"green\"").contains("fits none"));
}
