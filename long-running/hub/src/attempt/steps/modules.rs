//! Sources that what is tested depends on (spec coordinator 5.8).

use std::collections::BTreeSet;

use farm_model::message::work::Modules;

use super::paths::{inside, joined};
use crate::attempt::desk::Desk;
use crate::attempt::{Attempt, End};

/// What is read of a list of import paths, in bytes.
const MOST: usize = 8 << 20;

impl Attempt {
    /// Lists what is imported, puts beside it what is missing of that, and so on until nothing is.
    pub(super) async fn modules(&self, modules: &Modules, desk: &mut Desk<'_>) -> End {
        let mut there = BTreeSet::new();
        loop {
            let listed = self.imports(modules, desk).await?;
            let wanted = wanted(modules, &listed, &there);
            if wanted.is_empty() {
                return Ok(());
            }
            // At most once for each source: this ends.
            for prefix in wanted {
                self.module(modules, &prefix, desk).await?;
                there.insert(prefix);
            }
        }
    }

    async fn imports(
        &self,
        modules: &Modules,
        desk: &mut Desk<'_>,
    ) -> Result<String, super::super::Bad> {
        let mut said = Vec::new();
        let mut hear = |bytes: &[u8]| {
            let room = MOST - said.len();
            said.extend_from_slice(&bytes[..bytes.len().min(room)]);
        };
        let list = &modules.list;
        self.command(list, &list.name, desk, &mut hear).await?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }

    async fn module(&self, modules: &Modules, prefix: &str, desk: &mut Desk<'_>) -> End {
        let Some(source) = modules.sources.get(prefix) else {
            return Ok(());
        };
        let name = format!("source of {prefix}");
        desk.begin_ours(&name).await;
        let into = joined(&[&modules.into, prefix]);
        let sent = match inside(&into) {
            Ok(into) => {
                self.tools
                    .mirrors
                    .send(source, into, &self.machine.client())
                    .await
            }
            Err(bad) => Err(bad),
        };
        desk.end_ours(&name, sent).await
    }
}

/// Of the sources, those that are imported and not there.
fn wanted(modules: &Modules, listed: &str, there: &BTreeSet<String>) -> Vec<String> {
    let imports: BTreeSet<&str> = listed.lines().map(str::trim).collect();
    let imported = |prefix: &&String| imports.iter().any(|path| is_of(path, prefix));
    let sources = modules.sources.keys();
    let missing = sources.filter(|prefix| **prefix != modules.own && !there.contains(*prefix));
    missing.filter(imported).cloned().collect()
}

/// Whether the import path lies in the repository: `golang.org/x/net2` does not lie in `golang.org/x/net`.
fn is_of(path: &str, prefix: &str) -> bool {
    let rest = path.strip_prefix(prefix);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_imported_and_not_there_is_wanted() {
        let source = serde_json::json!({
            "repo": "r", "url": "/r", "commit": "0".repeat(40), "branch": "master",
        });
        let modules: Modules = serde_json::from_value(serde_json::json!({
            "list": { "name": "deps", "argv": ["true"], "timeout_seconds": 1 },
            "own": "golang.org/x/tools",
            "sources": {
                "golang.org/x/net": source,
                "golang.org/x/text": source,
                "golang.org/x/tools": source,
                "golang.org/x/mod": source,
            },
            "into": "gopath/src",
        }))
        .unwrap();
        let listed = "fmt\ngolang.org/x/net/html\n golang.org/x/text\r\ngolang.org/x/modern\n\
            golang.org/x/tools/go/packages\nvendor/golang.org/x/mod\n";
        let there = BTreeSet::from(["golang.org/x/text".to_owned()]);
        assert_eq!(wanted(&modules, listed, &there), ["golang.org/x/net"]);
    }
}
