//! What a local farm tells people, by mail and by calls of their webhooks: the settings of the function `report`, as the
//! environment of `farm up` has them.

use farm_runtime::{Ids, Vars};
use functions::manifest::Manifest;

use super::folder::Folder;
use super::given;

/// The function that tells.
const FUNCTION: &str = "report";

/// Who is told, and how.
pub(super) struct Telling(Vec<(String, String)>);

impl Telling {
    /// As the environment says. What it does not say of itself is known here: where the pages are, and a secret of this
    /// farm's own to sign calls with.
    ///
    /// # Errors
    /// A setting makes no sense, or the secret cannot be made.
    pub(super) fn new(
        manifest: &Manifest,
        vars: &Vars,
        folder: &Folder,
        ids: &Ids,
        pages: &str,
    ) -> anyhow::Result<Self> {
        let mut telling = Self(given::to(FUNCTION, manifest, vars)?);
        telling.or("FARM_URL", || Ok(pages.to_owned()))?;
        if telling.has("FARM_HOOKS") {
            telling.or("FARM_HOOK_SECRET", || {
                Ok(format!("@{}", folder.secret("hook", ids)?.display()))
            })?;
        }
        telling.check()?;
        Ok(telling)
    }

    /// The functions that are called by queues and time: where nobody is told, each result would be a call for nothing.
    pub(super) fn called(&self, manifest: &Manifest) -> Manifest {
        let mut called = manifest.clone();
        if !self.has("FARM_HOOKS") && !self.has("FARM_SMTP") {
            called.remove(FUNCTION);
        }
        called
    }

    /// For the functions' process.
    pub(super) fn settings(&self) -> impl Iterator<Item = (String, String)> {
        self.0.iter().cloned()
    }

    /// A line for people, where anybody is told.
    pub(super) fn sentence(&self) -> Option<String> {
        let mail = self.has("FARM_SMTP").then_some("mail");
        let calls = self.has("FARM_HOOKS").then_some("webhooks");
        let ways: Vec<&str> = mail.into_iter().chain(calls).collect();
        let secret = self.0.iter().find(|(name, _)| name == "FARM_HOOK_SECRET");
        let file = secret.and_then(|(_, value)| value.strip_prefix('@'));
        let signed = match file {
            Some(file) => format!("; calls are signed with the secret in {file}"),
            None => String::new(),
        };
        (!ways.is_empty()).then(|| format!("what breaks is told by {}{signed}", ways.join(" and ")))
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    fn or(
        &mut self,
        name: &str,
        value: impl FnOnce() -> anyhow::Result<String>,
    ) -> anyhow::Result<()> {
        if !self.has(name) {
            self.0.push((name.to_owned(), value()?));
        }
        Ok(())
    }

    /// Now, and not when the functions do not start.
    fn check(&self) -> anyhow::Result<()> {
        let vars: Vars = self.settings().collect();
        functions::report::build(&vars.with("FARM_BUCKET", "memory:")).map(drop)
    }
}
