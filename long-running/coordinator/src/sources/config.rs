//! `farm.toml`, from the operator's file or a repository, with what was said at the start laid over it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use farm_core::Fact;
use farm_model::config::{FarmConfig, Repository};

use crate::engine::Input;
use crate::settings::{Overlay, Settings};

/// How often the operator's file is looked at.
const LOOK: Duration = Duration::from_secs(2);
/// The subject of what an operator is told.
const ABOUT: &str = "farm.toml";

/// The facts that a text of `farm.toml` makes: a configuration, or a trouble.
pub(super) fn facts(file: &str, text: &str, overlays: &[Overlay]) -> Vec<Fact> {
    match FarmConfig::parse(file, text) {
        Ok(mut config) => {
            for overlay in overlays {
                lay_over(&mut config, overlay);
            }
            let digest = digest(text, overlays);
            let mended = Fact::Trouble {
                about: ABOUT.to_owned(),
                text: None,
            };
            vec![
                Fact::Configured {
                    digest,
                    config: Box::new(config),
                },
                mended,
            ]
        }
        Err(error) => {
            tracing::error!("{error}");
            vec![Fact::Trouble {
                about: ABOUT.to_owned(),
                text: Some(error.to_string()),
            }]
        }
    }
}

/// What was said at the start wins over the file.
fn lay_over(config: &mut FarmConfig, overlay: &Overlay) {
    let all = config.builders.keys().cloned().collect();
    let repository = config
        .repositories
        .entry(overlay.name.clone())
        .or_insert_with(|| Repository {
            builders: all,
            ..Repository::default()
        });
    repository.url = Some(overlay.url.clone());
    if overlay.github.is_some() {
        repository.github.clone_from(&overlay.github);
    }
    if let Some(history) = overlay.history {
        repository.history = history;
    }
}

fn digest(text: &str, overlays: &[Overlay]) -> String {
    let mut hash = Sha256::new();
    hash.update(text.as_bytes());
    hash.update(format!("{overlays:?}").as_bytes());
    hex::encode(hash.finalize())
}

/// Tells of the operator's file now and whenever it changes.
pub(super) async fn watch_file(file: PathBuf, settings: Settings, inputs: mpsc::Sender<Input>) {
    let mut last = None;
    let mut look = tokio::time::interval(LOOK);
    loop {
        look.tick().await;
        let text = read(&file).await;
        if last.as_ref() == Some(&text) {
            continue;
        }
        let facts = match &text {
            Ok(text) => facts(&file.display().to_string(), text, &settings.overlays),
            Err(error) => vec![Fact::Trouble {
                about: ABOUT.to_owned(),
                text: Some(error.clone()),
            }],
        };
        last = Some(text);
        if inputs
            .send(Input {
                facts,
                ..Input::default()
            })
            .await
            .is_err()
        {
            return;
        }
    }
}

async fn read(file: &Path) -> Result<String, String> {
    tokio::fs::read_to_string(file)
        .await
        .map_err(|error| format!("cannot read {}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "[hosts.local]\n[builders.b]\nhost = \"local\"\nsteps = [{ run = \"true\" }]\n";

    fn overlay(history: Option<u32>) -> Overlay {
        Overlay {
            name: "sample".parse().unwrap(),
            url: "/src".to_owned(),
            github: None,
            history,
        }
    }

    #[test]
    fn a_repository_named_at_the_start_is_built_on_every_builder() {
        let facts = facts("farm.toml", TEXT, &[overlay(Some(3))]);
        let Fact::Configured { config, .. } = &facts[0] else {
            panic!("{facts:?}")
        };
        let repository = &config.repositories[&"sample".parse().unwrap()];
        assert_eq!(repository.url.as_deref(), Some("/src"));
        assert_eq!(repository.builders.len(), 1);
        assert_eq!(repository.history, 3);
    }

    #[test]
    fn a_broken_file_is_a_trouble_and_no_configuration() {
        let facts = facts("farm.toml", "[builders.b]\nhost = \"nowhere\"\n", &[]);
        assert!(
            matches!(&facts[..], [Fact::Trouble { text: Some(_), .. }]),
            "{facts:?}"
        );
    }

    #[test]
    fn the_digest_covers_what_was_said_at_the_start() {
        assert_ne!(
            digest(TEXT, &[overlay(None)]),
            digest(TEXT, &[overlay(Some(2))])
        );
    }
}
