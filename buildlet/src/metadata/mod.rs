//! Settings of a cloud machine (`buildlet.md` 2.2 and 2.3): attributes of a Google virtual machine, or the variables
//! `META_<key>` that stand in for them anywhere else.

mod gce;

use std::sync::Arc;

use anyhow::Context;
use tokio::task::spawn_blocking;

use crate::fetch::{Cancel, CancelOnDrop};
use crate::vars::Vars;
use gce::Gce;

/// Where settings are looked for.
pub struct Metadata {
    vars: Vars,
    gce: Option<Arc<Gce>>,
}

impl Metadata {
    /// The variables alone: nothing is asked of the network.
    #[must_use]
    pub fn of_variables(vars: &Vars) -> Self {
        Self {
            vars: vars.clone(),
            gce: None,
        }
    }

    /// The variables, and the metadata server if there is one. Finding that there is none takes a second at most.
    pub async fn detect(vars: &Vars) -> Self {
        let (known, cancel) = (vars.clone(), Cancel::default());
        let _ends_with_this_call: CancelOnDrop = cancel.on_drop();
        let gce = match vars.in_kubernetes() {
            true => None,
            false => spawn_blocking(move || Gce::detect(&known, &cancel))
                .await
                .unwrap_or_default(),
        };
        Self {
            vars: vars.clone(),
            gce: gce.map(Arc::new),
        }
    }

    /// Whether this is a virtual machine of Google's.
    #[must_use]
    pub fn on_gce(&self) -> bool {
        self.gce.is_some()
    }

    /// The value of `key` (`tls-cert`), if it is set and not empty. A variable comes before the metadata server.
    ///
    /// # Errors
    /// The file that a variable names cannot be read, or the metadata server does not answer for a minute.
    pub async fn get(&self, key: &str) -> anyhow::Result<Option<String>> {
        if let Some(value) = self.variable(key)? {
            return Ok(Some(value));
        }
        let Some(gce) = self.gce.clone() else {
            return Ok(None);
        };
        let (owned, cancel) = (key.to_owned(), Cancel::default());
        let _ends_with_this_call: CancelOnDrop = cancel.on_drop();
        spawn_blocking(move || gce.attribute(&owned, &cancel))
            .await?
            .with_context(|| format!("the metadata server does not say what {key} is"))
    }

    fn variable(&self, key: &str) -> anyhow::Result<Option<String>> {
        let name = format!("META_{}", key.replace('-', "_"));
        let value = match self
            .vars
            .text(&name)
            .map(|text| (text, text.strip_prefix('@')))
        {
            None => return Ok(None),
            Some((_, Some(file))) => std::fs::read_to_string(file)
                .with_context(|| format!("cannot read {file}, which {name} names"))?,
            Some((text, None)) => text.to_owned(),
        };
        Ok(Some(value).filter(|value| !value.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Rules;

    #[tokio::test]
    async fn variables_stand_in_for_metadata_and_may_name_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cert");
        std::fs::write(&file, "pem\n").unwrap();
        let named = format!("@{}", file.display());
        let vars = Vars::of([
            ("META_tls_cert", &named),
            ("META_password", "secret"),
            ("META_TLS_KEY", "capitals do not count"),
            ("META_gone", "@/none"),
        ]);
        let metadata = Metadata::of_variables(&vars);
        let get = async |key| metadata.get(key).await.unwrap();
        assert_eq!(get("tls-cert").await.as_deref(), Some("pem\n"));
        assert_eq!(get("password").await.as_deref(), Some("secret"));
        let of_capitals = get("tls-key").await;
        assert_eq!(of_capitals.is_some(), Rules::HERE.ignore_case);
        let error = metadata.get("gone").await.unwrap_err().to_string();
        assert_eq!(error, "cannot read /none, which META_gone names");
    }

    #[tokio::test]
    async fn nothing_is_asked_of_the_network_in_a_pod() {
        // An address that would be taken for a metadata server without asking it.
        let vars = Vars::of([("IN_KUBERNETES", "1"), ("GCE_METADATA_HOST", "192.0.2.1")]);
        assert!(!Metadata::detect(&vars).await.on_gce());
    }
}
