//! Where a machine's key is (`buildlet.md` 8.2).

mod owned;
mod replace;

pub use replace::replace;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use farm_wire::keys::{MasterKey, key_2019};

use crate::Args;
use crate::os;
use crate::vars::Vars;

/// The master key of 2019's development mode, which everybody knows.
const DEV_MASTER: &[u8] = b"gophers rule";
const DELETE: &str = "GO_BUILD_KEY_DELETE_AFTER_READ";

/// The keys for these names, in their order; white space around them does not count.
///
/// `fallback` allows a single name of the old form to use `~/.gobuildkey`. The file of `--key-file` goes once all were read,
/// if `GO_BUILD_KEY_DELETE_AFTER_READ` says so.
///
/// # Errors
/// One cannot be read, or is empty.
pub fn find(
    names: &[&str],
    fallback: bool,
    args: &Args,
    vars: &Vars,
) -> anyhow::Result<Vec<String>> {
    let one = |name: &&str| of(name, fallback && names.len() == 1, args, vars);
    let found = names.iter().map(one).collect();
    if vars.flag(DELETE) && !args.dev_key {
        for path in names.iter().map(|name| file(name, args, vars)) {
            forget(&path)?;
        }
    }
    found
}

fn of(name: &str, fallback: bool, args: &Args, vars: &Vars) -> anyhow::Result<String> {
    if args.dev_key {
        tracing::warn!("--dev-key: everybody knows the key of this machine");
        return Ok(key_2019(&MasterKey::new(DEV_MASTER)?, name));
    }
    if let Some(key) = os::guest_info(vars, &format!("key-{name}"))? {
        return Ok(key);
    }
    let path = file(name, args, vars);
    let common = vars.home().join(".gobuildkey");
    match read(&path) {
        Err(error) if fallback && !path.exists() && common.exists() => {
            tracing::debug!(%error, "the common key file instead");
            read(&common)
        }
        read => read,
    }
}

/// The file that a name's key is looked for in first.
#[must_use]
pub fn file(name: &str, args: &Args, vars: &Vars) -> PathBuf {
    match &args.key_file {
        Some(path) => path.clone(),
        None => vars.home().join(format!(".gobuildkey-{name}")),
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path)
        .with_context(|| format!("cannot read {}", path.display()))
        .context("--key-file names the file with this machine's key")?;
    match String::from_utf8_lossy(&bytes).trim() {
        "" => bail!("{} holds no key", path.display()),
        key => Ok(key.to_owned()),
    }
}

/// A key that stays where builds can read it is worse than no start.
fn forget(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| {
                format!(
                    "cannot delete {} after reading it, as {DELETE} asks",
                    path.display()
                )
            })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    struct Home(tempfile::TempDir);

    impl Home {
        fn with(files: &[(&str, &str)]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            for (name, text) in files {
                std::fs::write(folder.path().join(name), text).unwrap();
            }
            Self(folder)
        }

        fn path(&self, name: &str) -> String {
            self.0.path().join(name).to_str().unwrap().to_owned()
        }

        fn find(&self, names: &[&str], old: bool, args: &[&str]) -> Result<Vec<String>, String> {
            self.find_with(names, old, args, false)
        }

        fn find_with(
            &self,
            names: &[&str],
            old: bool,
            args: &[&str],
            delete: bool,
        ) -> Result<Vec<String>, String> {
            let args = Args::parse_from(["buildlet"].iter().chain(args));
            let home = self.0.path().to_str().unwrap();
            let vars = Vars::of([
                ("HOME", home),
                ("USERPROFILE", home),
                (DELETE, if delete { "true" } else { "" }),
            ]);
            find(names, old, &args, &vars).map_err(|error| format!("{error:#}"))
        }
    }

    #[test]
    fn each_name_has_a_file_of_its_own_and_white_space_does_not_count() {
        let home = Home::with(&[(".gobuildkey-a", " k1\n"), (".gobuildkey-b", "k2")]);
        assert_eq!(home.find(&["a", "b"], true, &[]).unwrap(), ["k1", "k2"]);
        let error = home.find(&["a", "c"], true, &[]).unwrap_err();
        assert!(error.contains(".gobuildkey-c"), "{error}");
    }

    #[test]
    fn a_single_old_name_may_use_the_common_file() {
        let home = Home::with(&[(".gobuildkey", "common")]);
        assert_eq!(home.find(&["a"], true, &[]).unwrap(), ["common"]);
        assert!(
            home.find(&["a"], false, &[]).is_err(),
            "a host type may not"
        );
        assert!(home.find(&["a", "b"], true, &[]).is_err());
        // A file that is there is never passed over.
        let home = Home::with(&[(".gobuildkey", "common"), (".gobuildkey-a", "")]);
        let error = home.find(&["a"], true, &[]).unwrap_err();
        assert!(error.ends_with("holds no key"), "{error}");
    }

    #[test]
    fn a_file_that_is_named_serves_all_names() {
        let home = Home::with(&[("key", "k\n"), (".gobuildkey-a", "other")]);
        let key = home.path("key");
        let found = home.find(&["a", "b"], true, &["--key-file", &key]);
        assert_eq!(found.unwrap(), ["k", "k"]);
    }

    #[test]
    fn a_key_is_deleted_once_it_was_read_even_if_it_was_none() {
        let home = Home::with(&[("key", "k\n"), ("empty", "")]);
        let (key, empty) = (home.path("key"), home.path("empty"));
        let found = home.find_with(&["a", "b"], true, &["--key-file", &key], true);
        assert_eq!(found.unwrap(), ["k", "k"]);
        assert!(!Path::new(&key).exists());
        let found = home.find_with(&["a"], true, &["--key-file", &empty], true);
        assert!(found.is_err() && !Path::new(&empty).exists());
    }

    #[test]
    fn the_key_that_everybody_knows_is_used_only_when_asked_for() {
        let home = Home::with(&[]);
        let found = home.find(&["host-linux-foo"], false, &["--dev-key"]);
        assert_eq!(found.unwrap(), ["2c3751c948a3f763672397642ac5515c"]);
        assert!(home.find(&["host-linux-foo"], false, &[]).is_err());
        // Files that were not read are left alone.
        let home = Home::with(&[(".gobuildkey-a", "k")]);
        home.find_with(&["a"], false, &["--dev-key"], true).unwrap();
        assert!(Path::new(&home.path(".gobuildkey-a")).exists());
    }
}
