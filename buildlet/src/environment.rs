//! The environment of commands (`buildlet.md` 5.5 and 5.6). For equal names the last entry counts.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::http::Form;

/// Settings of the buildlet itself, secrets among them: never a build's business.
const PRIVATE: &[u8] = b"META_";
const PATH: &str = "PATH";
const BOOTSTRAP: &str = "GOROOT_BOOTSTRAP";

/// Name and value.
pub type Variable = (OsString, OsString);

/// What every command inherits.
#[derive(Debug, Clone)]
pub struct Environment {
    variables: Vec<Variable>,
    /// `GOROOT_BOOTSTRAP` as this process found it.
    bootstrap: Option<OsString>,
    work_dir: PathBuf,
}

impl Environment {
    /// From what this process was given, for this work dir.
    #[must_use]
    pub fn new(given: impl IntoIterator<Item = Variable>, work_dir: &Path) -> Self {
        let private = |name: &OsStr| name.as_bytes().starts_with(PRIVATE);
        let mut variables: Vec<Variable> = given
            .into_iter()
            .filter(|(name, _)| !private(name))
            .collect();
        let bootstrap = first(&variables, BOOTSTRAP).map(OsStr::to_owned);
        set(&mut variables, "WORKDIR", work_dir.as_os_str());
        set(
            &mut variables,
            BOOTSTRAP,
            work_dir.join("go1.4").as_os_str(),
        );
        Self {
            variables,
            bootstrap,
            work_dir: work_dir.to_owned(),
        }
    }

    /// The environment of one command: `env` and `path` as its form has them.
    #[must_use]
    pub fn of_command(&self, form: &Form) -> Vec<Variable> {
        let mut variables = self.variables.clone();
        variables.extend(form.all("env").filter_map(split));
        variables.push(("TMPDIR".into(), self.work_dir.join("tmp").into()));
        variables.push(("GOCACHE".into(), self.work_dir.join("gocache").into()));
        if let (Some(inherited), Some(named)) = (&self.bootstrap, first(&variables, BOOTSTRAP))
            && !Path::new(named).exists()
        {
            variables.push((BOOTSTRAP.into(), inherited.clone()));
        }
        let path: Vec<&[u8]> = form.all("path").collect();
        rewrite_path(&mut variables, &path, &self.work_dir);
        variables
    }

    /// This process's own `PATH`.
    #[must_use]
    pub fn path(&self) -> Option<&OsStr> {
        first(&self.variables, PATH)
    }

    /// The file of a command's bare name, looked for in this process's own `PATH`.
    #[must_use]
    pub fn look_up(&self, name: &OsStr) -> Option<PathBuf> {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path().unwrap_or_default();
        let executable = |file: &PathBuf| {
            file.metadata()
                .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
        };
        // Elements that depend on where this process happens to be are no answer, the empty one among them.
        std::env::split_paths(path)
            .filter(|dir| dir.is_absolute())
            .map(|dir| dir.join(name))
            .find(executable)
    }
}

/// Go's inherited list looked up as the original does: the first match.
fn first<'a>(variables: &'a [Variable], name: &str) -> Option<&'a OsStr> {
    variables
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_os_str())
}

/// Replaces the first entry of this name, or appends one.
fn set(variables: &mut Vec<Variable>, name: &str, value: &OsStr) {
    match variables.iter_mut().find(|(key, _)| key == name) {
        Some((_, old)) => *old = value.to_owned(),
        None => variables.push((name.into(), value.to_owned())),
    }
}

/// `KEY=VALUE`. What has no key is nothing that a program could look up.
fn split(text: &[u8]) -> Option<Variable> {
    let at = text
        .iter()
        .position(|&byte| byte == b'=')
        .filter(|at| *at > 0)?;
    let os = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
    (!text.contains(&0)).then(|| (os(&text[..at]), os(&text[at + 1..])))
}

/// The last entry is rewritten, since it is the one that counts, and an empty old value leaves no empty element behind,
/// which would mean the current directory: the original had both wrong.
fn rewrite_path(variables: &mut Vec<Variable>, elements: &[&[u8]], work_dir: &Path) {
    let at = variables.iter().rposition(|(name, _)| name == PATH);
    let old = at
        .map(|at| variables[at].1.as_bytes().to_vec())
        .unwrap_or_default();
    let value = match elements {
        [] => return,
        [b"$EMPTY"] => {
            if let Some(first) = variables.iter().position(|(name, _)| name == PATH) {
                variables.remove(first);
            }
            return;
        }
        elements => {
            let expanded = elements.iter().map(|element| match *element {
                b"$PATH" => old.clone(),
                element => replace(element, b"$WORKDIR", work_dir.as_os_str().as_bytes()),
            });
            expanded
                .filter(|element| !element.is_empty())
                .collect::<Vec<_>>()
                .join(&b':')
        }
    };
    let value = OsString::from_vec(value);
    match at {
        Some(at) => variables[at].1 = value,
        None => variables.push((PATH.into(), value)),
    }
}

fn replace(text: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + with.len());
    let mut rest = text;
    while let Some(at) = rest.windows(what.len()).position(|window| window == what) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(with);
        rest = &rest[at + what.len()..];
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(variables: &[Variable]) -> Vec<String> {
        variables
            .iter()
            .map(|(name, value)| format!("{}={}", name.display(), value.display()))
            .collect()
    }

    fn environment(given: &[(&str, &str)]) -> Environment {
        Environment::new(
            given
                .iter()
                .map(|(name, value)| (name.into(), value.into())),
            Path::new("/workdir"),
        )
    }

    #[test]
    fn a_command_gets_what_the_worked_exchange_shows() {
        let given = [
            ("PATH", "/usr/bin:/bin"),
            ("META_password", "secret"),
            ("HOME", "/root"),
        ];
        let form =
            Form::parse(b"env=FOO%3Dbar&env=&env=none&path=%24WORKDIR%2Fgo%2Fbin&path=%24PATH");
        assert_eq!(
            lines(&environment(&given).of_command(&form)),
            [
                "PATH=/workdir/go/bin:/usr/bin:/bin",
                "HOME=/root",
                "WORKDIR=/workdir",
                "GOROOT_BOOTSTRAP=/workdir/go1.4",
                "FOO=bar",
                "TMPDIR=/workdir/tmp",
                "GOCACHE=/workdir/gocache"
            ]
        );
    }

    #[test]
    fn paths_are_rewritten_by_the_rules() {
        let path = |old: &[(&str, &str)], form: &str| {
            let mut variables: Vec<Variable> = old
                .iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect();
            let form = Form::parse(form.as_bytes());
            let elements: Vec<&[u8]> = form.all("path").collect();
            rewrite_path(&mut variables, &elements, Path::new("/w"));
            lines(&variables).join(" ")
        };
        let old = [("FOO", "x"), ("PATH", "/bin"), ("BAR", "y")];
        for (form, new) in [
            ("", "FOO=x PATH=/bin BAR=y"),
            ("path=$EMPTY", "FOO=x BAR=y"),
            ("path=$WORKDIR/a", "FOO=x PATH=/w/a BAR=y"),
            ("path=/a&path=$PATH&path=/b", "FOO=x PATH=/a:/bin:/b BAR=y"),
            (
                "path=$PATH&path=a$WORKDIR$WORKDIR",
                "FOO=x PATH=/bin:a/w/w BAR=y",
            ),
        ] {
            assert_eq!(path(&old, form), new, "{form}");
        }
        assert_eq!(path(&[("A", "b")], "path=/a&path=$PATH"), "A=b PATH=/a");
        assert_eq!(
            path(&[("PATH", "1"), ("PATH", "2")], "path=/a&path=$PATH"),
            "PATH=1 PATH=/a:2"
        );
    }

    #[test]
    fn an_inherited_bootstrap_comes_back_when_ours_is_missing() {
        let all = lines(
            &environment(&[("GOROOT_BOOTSTRAP", "/usr/lib/go")]).of_command(&Form::default()),
        );
        assert_eq!(all[0], "GOROOT_BOOTSTRAP=/workdir/go1.4");
        assert_eq!(all.last().unwrap(), "GOROOT_BOOTSTRAP=/usr/lib/go");
    }

    #[test]
    fn bare_names_are_looked_up_in_our_own_path() {
        let environment = environment(&[("PATH", "/nowhere:/bin")]);
        assert_eq!(
            environment.look_up(OsStr::new("sh")),
            Some("/bin/sh".into())
        );
        assert_eq!(environment.look_up(OsStr::new("no-such-command")), None);
    }
}
