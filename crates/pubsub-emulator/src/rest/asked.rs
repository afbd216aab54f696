//! A request put together from its path, query and body, and given to a method of the gRPC face.

use std::future::Future;

use axum::body::Bytes;
use prost::Message;
use prost_reflect::{Kind, MessageDescriptor};
use serde_json::{Map, Value};
use tonic::{Request, Response, Status};

use super::query;
use super::rules::Body;
use super::wire::{self, Enums};
use crate::refusal::Refusal;

/// A request before anybody has looked at what it means.
pub(super) struct Asked {
    pub body: Body,
    pub bytes: Bytes,
    /// What path and query set, the path last.
    pub fields: Vec<(String, String)>,
    pub enums: Enums,
}

impl Asked {
    /// Calls a method; `input` and `output` name its messages in `google.pubsub.v1`, or in full.
    /// An answer without fields is `{}`.
    pub async fn call<I, O, F>(
        self,
        input: &str,
        output: &str,
        method: impl FnOnce(Request<I>) -> F,
    ) -> Result<Value, Status>
    where
        I: Message + Default,
        O: Message,
        F: Future<Output = Result<Response<O>, Status>>,
    {
        let input = wire::descriptor(&full_name(input))?;
        let output = wire::descriptor(&full_name(output))?;
        let enums = self.enums;
        let json = self.into_json(&input)?;
        let request: I = wire::read(input, json)?;
        let answer = method(Request::new(request)).await?;
        Ok(wire::write(output, answer.get_ref(), enums)?)
    }

    fn into_json(self, input: &MessageDescriptor) -> Result<Value, Refusal> {
        let mut object = match self.body {
            Body::None => Map::new(),
            Body::Whole => parse(&self.bytes)?,
            Body::Field(name) => [(name.to_owned(), parse(&self.bytes)?.into())]
                .into_iter()
                .collect(),
        };
        for (path, text) in self.fields {
            query::bind(&mut object, input, &path, text)?;
        }
        spell_masks(&mut object, input);
        Ok(object.into())
    }
}

fn full_name(name: &str) -> String {
    if name.contains('.') {
        name.to_owned()
    } else {
        format!("google.pubsub.v1.{name}")
    }
}

/// The service reads the paths of a mask in both spellings; the mapping knows only `camelCase`.
fn spell_masks(object: &mut Map<String, Value>, input: &MessageDescriptor) {
    for field in input.fields() {
        let Kind::Message(of) = field.kind() else {
            continue;
        };
        if of.full_name() != "google.protobuf.FieldMask" {
            continue;
        }
        for key in [field.name(), field.json_name()] {
            if let Some(Value::String(paths)) = object.get_mut(key) {
                *paths = camel_case(paths);
            }
        }
    }
}

fn camel_case(paths: &str) -> String {
    let mut camel = String::with_capacity(paths.len());
    let mut upper = false;
    for c in paths.chars().filter(|c| !c.is_whitespace()) {
        match c {
            '_' => upper = true,
            c if upper => {
                camel.push(c.to_ascii_uppercase());
                upper = false;
            }
            c => camel.push(c),
        }
    }
    camel
}

/// JSON whatever the content type says, as the service takes it; an empty body is `{}`.
fn parse(bytes: &Bytes) -> Result<Map<String, Value>, Refusal> {
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(bytes).map_err(wire::bad_payload)
}
