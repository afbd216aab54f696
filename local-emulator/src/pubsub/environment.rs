//! Where an emulator is, for shells: the lines that it prints, and the file `env.yaml` in its data folder that says the same,
//! where `gcloud beta emulators pubsub env-init` looks for it too.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use farm_pubsub_emulator::HostPort;

/// In the data folder, as gcloud calls it.
const FILE: &str = "env.yaml";

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Example:
  $(farm emulator pubsub env-init)")]
pub struct EnvArgs {
    /// The data folder of the emulator
    #[arg(
        long,
        alias = "data",
        env = "FARM_PUBSUB_DATA",
        value_name = "DIR",
        default_value = ".farm/pubsub"
    )]
    data_dir: PathBuf,
}

/// Variables with their values.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Environment(Vec<(String, String)>);

impl Environment {
    /// Of the emulator at `address`, and of whoever works in `project`.
    pub(super) fn new(address: &HostPort, project: Option<&str>) -> Self {
        let mut all = vec![("PUBSUB_EMULATOR_HOST".to_owned(), address.to_string())];
        let project = project.map(|id| ("GOOGLE_CLOUD_PROJECT".to_owned(), id.to_owned()));
        all.extend(project);
        Self(all)
    }

    /// A line each, as a shell takes it.
    pub(super) fn exports(&self) -> String {
        let line = |(name, value): &(String, String)| format!("export {name}={value}\n");
        self.0.iter().map(line).collect()
    }

    /// The same in the data folder, while the file is held.
    pub(super) fn note(&self, folder: &Path) -> anyhow::Result<Note> {
        let path = folder.join(FILE);
        let line = |(name, value): &(String, String)| format!("{name}: \"{value}\"\n");
        let lines: String = self.0.iter().map(line).collect();
        std::fs::write(&path, format!("---\n{lines}"))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Note(path))
    }

    /// What was noted there.
    fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(FILE);
        let Ok(text) = std::fs::read_to_string(&path) else {
            bail!(
                "there is no {}: start `farm emulator pubsub --data-dir {}` first",
                path.display(),
                folder.display()
            );
        };
        let pair = |line: &str| {
            let (name, value) = line.split_once(": ")?;
            let value = value.trim().trim_matches(['"', '\'']);
            Some((name.trim().to_owned(), value.to_owned()))
        };
        Ok(Self(text.lines().filter_map(pair).collect()))
    }
}

/// The file that says where the emulator is; it goes when this does.
#[derive(Debug)]
pub(super) struct Note(PathBuf);

impl Drop for Note {
    fn drop(&mut self) {
        // One that stays behind is overwritten by the next start.
        let _not_there = std::fs::remove_file(&self.0);
    }
}

/// `env-init`.
pub(super) fn print(args: &EnvArgs) -> anyhow::Result<()> {
    let environment = Environment::read(&args.data_dir)?;
    write!(std::io::stdout(), "{}", environment.exports())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_read_back_until_the_emulator_ends() {
        let folder = tempfile::tempdir().unwrap();
        let address = "[::1]:8085".parse().unwrap();
        let environment = Environment::new(&address, Some("demo"));
        let note = environment.note(folder.path()).unwrap();
        let read = Environment::read(folder.path()).unwrap();
        assert_eq!(read, environment);
        assert_eq!(
            read.exports(),
            "export PUBSUB_EMULATOR_HOST=[::1]:8085\nexport GOOGLE_CLOUD_PROJECT=demo\n"
        );
        drop(note);
        let error = Environment::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("--data-dir"), "{error}");
    }

    #[test]
    fn a_file_of_gclouds_is_read_too() {
        let folder = tempfile::tempdir().unwrap();
        let text = "---\nPUBSUB_EMULATOR_HOST: '[::1]:8432'\n";
        std::fs::write(folder.path().join(FILE), text).unwrap();
        let exports = Environment::read(folder.path()).unwrap().exports();
        assert_eq!(exports, "export PUBSUB_EMULATOR_HOST=[::1]:8432\n");
    }
}
