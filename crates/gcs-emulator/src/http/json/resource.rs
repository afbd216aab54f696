//! What objects and buckets look like in JSON: `…/json_api/v1/objects#resource`, `…/buckets#resource`.

use serde_json::{Map, Value, json};

use crate::http::list::moment;
use crate::meta::Meta;
use crate::names::{BucketName, Place};

/// Headers of an object, and what this API calls them.
const NAMED: [(&str, &str); 5] = [
    ("cache-control", "cacheControl"),
    ("content-disposition", "contentDisposition"),
    ("content-encoding", "contentEncoding"),
    ("content-language", "contentLanguage"),
    ("content-type", "contentType"),
];
const CUSTOM: &str = "x-goog-meta-";

/// An object; 64-bit numbers are texts.
pub fn object(place: &Place, meta: &Meta) -> Value {
    let Place { bucket, name } = place;
    let mut object = json!({
        "kind": "storage#object",
        "id": format!("{bucket}/{name}/{}", meta.generation),
        "name": name,
        "bucket": bucket,
        "generation": meta.generation.to_string(),
        "metageneration": meta.metageneration.to_string(),
        "storageClass": meta.described.storage_class(),
        "size": meta.size.to_string(),
        "crc32c": meta.digest.crc32c_text(),
        "etag": meta.version_tag(),
        "timeCreated": moment(meta.modified),
        "updated": moment(meta.modified),
    });
    match meta.components {
        Some(count) => object["componentCount"] = json!(count),
        None => object["md5Hash"] = json!(meta.digest.md5_text()),
    }
    let mut custom = Map::new();
    for (header, value) in meta.described.all() {
        if let Some((_, name)) = NAMED.iter().find(|(known, _)| *known == header) {
            object[*name] = json!(value);
        } else if let Some(key) = header.strip_prefix(CUSTOM) {
            custom.insert(key.to_owned(), json!(value));
        }
    }
    if !custom.is_empty() {
        object["metadata"] = Value::Object(custom);
    }
    object
}

/// Of what an upload says about an object, the headers that would say the same.
pub fn headers(said: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let named = NAMED
        .iter()
        .filter_map(|(header, name)| Some(((*header).to_owned(), text(said.get(name)?)?)));
    let custom = said.get("metadata").and_then(Value::as_object);
    let custom = custom.into_iter().flatten().filter_map(|(key, value)| {
        Some((
            format!("{CUSTOM}{}", key.to_ascii_lowercase()),
            text(value)?,
        ))
    });
    named.chain(custom).collect()
}

/// A bucket.
pub fn bucket(name: &BucketName) -> Value {
    json!({
        "kind": "storage#bucket",
        "id": name,
        "name": name,
        "location": "LOCAL",
        "storageClass": "STANDARD",
    })
}
