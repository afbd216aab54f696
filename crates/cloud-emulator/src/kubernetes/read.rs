//! Objects and lists of them.

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Kubernetes;
use super::selector::{Selector, fields};
use super::state::{Key, Kind};
use super::status::{Answer, Refusal};
use crate::page::page;

/// What is asked of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Asked {
    label_selector: String,
    field_selector: String,
    limit: usize,
    #[serde(rename = "continue")]
    after: String,
    watch: bool,
}

/// `GET /api/v1/namespaces`.
pub(super) async fn namespaces(
    State(kubernetes): State<Kubernetes>,
    Query(asked): Query<Asked>,
) -> Answer {
    kubernetes.list(Kind::Namespace, None, &asked)
}

/// `GET /api/v1/namespaces/{namespace}`.
pub(super) async fn namespace(
    State(kubernetes): State<Kubernetes>,
    Path(name): Path<String>,
) -> Answer {
    kubernetes.get(&Key::namespace(&name))
}

/// `GET /api/v1/{kind}`: of all namespaces.
pub(super) async fn everywhere(
    State(kubernetes): State<Kubernetes>,
    Path(kind): Path<String>,
    Query(asked): Query<Asked>,
) -> Answer {
    kubernetes.list(Kind::in_path(&kind)?, None, &asked)
}

/// `GET /api/v1/namespaces/{namespace}/{kind}`.
pub(super) async fn spaced(
    State(kubernetes): State<Kubernetes>,
    Path((namespace, kind)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Answer {
    kubernetes.list(Kind::in_path(&kind)?, Some(&namespace), &asked)
}

/// `GET /api/v1/namespaces/{namespace}/{kind}/{name}`.
pub(super) async fn one(
    State(kubernetes): State<Kubernetes>,
    Path((namespace, kind, name)): Path<(String, String, String)>,
) -> Answer {
    let kind = Kind::in_path(&kind)?;
    kubernetes.get(&Key {
        kind,
        namespace,
        name,
    })
}

/// `GET /api/v1/namespaces/{namespace}/pods/{name}/log`.
pub(super) async fn log(
    State(kubernetes): State<Kubernetes>,
    Path((namespace, name)): Path<(String, String)>,
) -> Result<Vec<u8>, Refusal> {
    let kind = Kind::Pod;
    let key = Key {
        kind,
        namespace,
        name,
    };
    let uid = kubernetes.look(|state| state.get(&key).map(|one| one.uid().to_owned()))?;
    let file = super::pod::log(&kubernetes.folder(&key, &uid));
    // One that has not begun has said nothing.
    Ok(tokio::fs::read(file).await.unwrap_or_default())
}

impl Kubernetes {
    fn get(&self, key: &Key) -> Answer {
        self.look(|state| state.get(key).map(|stored| Json(stored.body.clone())))
    }

    fn list(&self, kind: Kind, namespace: Option<&str>, asked: &Asked) -> Answer {
        if asked.watch {
            return Err(Refusal::not_allowed("a watch"));
        }
        let labels = Selector::parse(&asked.label_selector).map_err(Refusal::bad_request)?;
        let fields = fields(&asked.field_selector).map_err(Refusal::bad_request)?;
        let (all, version) = self.look(|state| {
            let all = state.all(kind, namespace).map(|(key, stored)| {
                (
                    format!("{}/{}", key.namespace, key.name),
                    stored.body.clone(),
                )
            });
            (all.collect::<Vec<_>>(), state.version())
        });
        let matching = all.into_iter().filter(|(_, body)| {
            labels.matches(&body["metadata"]["labels"]) && fields.matches(body)
        });
        let most = if asked.limit == 0 {
            usize::MAX
        } else {
            asked.limit
        };
        let after = (!asked.after.is_empty()).then_some(asked.after.as_str());
        let page = page(matching, most, after).ok_or_else(Refusal::expired)?;
        let mut metadata = json!({ "resourceVersion": version.to_string() });
        if let Some(next) = page.next {
            metadata["continue"] = next.into();
            metadata["remainingItemCount"] = page.rest.into();
        }
        Ok(Json(json!({
            "kind": format!("{}List", kind.name()),
            "apiVersion": "v1",
            "metadata": metadata,
            "items": Value::from(page.items),
        })))
    }
}
