//! The environment of commands (`buildlet.md` 5.5 and 5.6). For equal names the last entry counts.

mod compilers;
mod path;
mod rules;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::http::Form;
use crate::{lookup, native};
pub use rules::Rules;

/// Settings of the buildlet itself, secrets among them: never a build's business.
const PRIVATE: &[u8] = b"META_";
const PATH: &str = "PATH";
const ARCH: &str = "GOARCH";
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
    rules: Rules,
}

impl Environment {
    /// From what this process was given, for this work dir.
    #[must_use]
    pub fn new(given: impl IntoIterator<Item = Variable>, work_dir: &Path) -> Self {
        Self::by_rules(given, work_dir, Rules::HERE)
    }

    fn by_rules(given: impl IntoIterator<Item = Variable>, work_dir: &Path, rules: Rules) -> Self {
        let private = |name: &OsStr| {
            let begins = name.as_encoded_bytes().get(..PRIVATE.len());
            begins.is_some_and(|begins| match rules.ignore_case {
                true => begins.eq_ignore_ascii_case(PRIVATE),
                false => begins == PRIVATE,
            })
        };
        let mut variables: Vec<Variable> = given
            .into_iter()
            .filter(|(name, _)| !private(name))
            .collect();
        let bootstrap = first(rules, &variables, BOOTSTRAP).map(OsStr::to_owned);
        set(rules, &mut variables, "WORKDIR", work_dir.as_os_str());
        let ours = work_dir.join("go1.4");
        set(rules, &mut variables, BOOTSTRAP, ours.as_os_str());
        Self {
            variables,
            bootstrap,
            work_dir: work_dir.to_owned(),
            rules,
        }
    }

    /// The environment of one command: `env` and `path` as its form has them. `added` comes between what was asked for
    /// and what always counts: the place of `GOPROXY` (`buildlet.md` 5.5).
    #[must_use]
    pub fn of_command(&self, form: &Form, added: &[Variable]) -> Vec<Variable> {
        let rules = self.rules;
        let asked: Vec<Variable> = form.all("env").filter_map(split).collect();
        let mut variables = self.inherited(first(rules, &asked, ARCH));
        variables.extend(asked);
        variables.extend_from_slice(added);
        if rules.own_folders {
            variables.push(("TMPDIR".into(), self.work_dir.join("tmp").into()));
            variables.push(("GOCACHE".into(), self.work_dir.join("gocache").into()));
        }
        if let (Some(inherited), Some(named)) =
            (&self.bootstrap, first(rules, &variables, BOOTSTRAP))
            && !Path::new(named).exists()
        {
            variables.push((BOOTSTRAP.into(), inherited.clone()));
        }
        let elements: Vec<&[u8]> = form.all("path").collect();
        path::rewrite(&mut variables, &elements, &self.work_dir, rules);
        variables
    }

    /// What this process has, on Windows made ready for builds of this architecture.
    fn inherited(&self, arch: Option<&OsStr>) -> Vec<Variable> {
        if !self.rules.two_compilers {
            return self.variables.clone();
        }
        let is_64_bit = arch.is_none_or(|arch| arch != "386");
        let choose = |(name, value): &Variable| {
            if !self.rules.is_same(name, PATH) {
                return (name.clone(), value.clone());
            }
            let path = compilers::choose(value.as_encoded_bytes(), self.rules.separator, is_64_bit);
            (PATH.into(), native::os(path))
        };
        let exit = ("GOBUILDEXIT".into(), "1".into());
        std::iter::once(exit)
            .chain(self.variables.iter().map(choose))
            .collect()
    }

    /// A setting of this process, as it inherited it.
    #[must_use]
    pub fn own(&self, name: &str) -> Option<&OsStr> {
        first(self.rules, &self.variables, name)
    }

    /// The file of a command's bare name, looked for in this process's own `PATH`.
    #[must_use]
    pub fn look_up(&self, name: &OsStr) -> Option<PathBuf> {
        let path = self.own(PATH).unwrap_or_default();
        // Elements that depend on where this process happens to be are no answer, the empty one among them.
        std::env::split_paths(path)
            .filter(|dir| dir.is_absolute())
            .find_map(|dir| lookup::program(dir.join(name), self))
    }
}

/// Go's inherited list looked up as the original does: the first match.
fn first<'a>(rules: Rules, variables: &'a [Variable], name: &str) -> Option<&'a OsStr> {
    variables
        .iter()
        .find(|(key, _)| rules.is_same(key, name))
        .map(|(_, value)| value.as_os_str())
}

/// Replaces the first entry of this name, or appends one.
fn set(rules: Rules, variables: &mut Vec<Variable>, name: &str, value: &OsStr) {
    match variables
        .iter_mut()
        .find(|(key, _)| rules.is_same(key, name))
    {
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
    (!text.contains(&0)).then(|| (native::os(&text[..at]), native::os(&text[at + 1..])))
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

    #[cfg(unix)]
    fn environment(given: &[(&str, &str)]) -> Environment {
        Environment::new(
            given
                .iter()
                .map(|(name, value)| (name.into(), value.into())),
            Path::new("/workdir"),
        )
    }

    #[cfg(unix)]
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
            lines(&environment(&given).of_command(&form, &[])),
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

    #[cfg(unix)]
    #[test]
    fn an_inherited_bootstrap_comes_back_when_ours_is_missing() {
        let all = lines(
            &environment(&[("GOROOT_BOOTSTRAP", "/usr/lib/go")]).of_command(&Form::default(), &[]),
        );
        assert_eq!(all[0], "GOROOT_BOOTSTRAP=/workdir/go1.4");
        assert_eq!(all.last().unwrap(), "GOROOT_BOOTSTRAP=/usr/lib/go");
    }

    #[cfg(unix)]
    #[test]
    fn bare_names_are_looked_up_in_our_own_path() {
        let environment = environment(&[("PATH", "/nowhere:/bin")]);
        assert_eq!(
            environment.look_up(OsStr::new("sh")),
            Some("/bin/sh".into())
        );
        assert_eq!(environment.look_up(OsStr::new("no-such-command")), None);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_added_comes_behind_what_was_asked_for() {
        let form = Form::parse(b"env=GOPROXY%3Dcoordinator");
        let added = [("GOPROXY".into(), "http://localhost:1".into())];
        let all = lines(&environment(&[]).of_command(&form, &added));
        let wanted = [
            "GOPROXY=coordinator",
            "GOPROXY=http://localhost:1",
            "TMPDIR=/workdir/tmp",
        ];
        assert_eq!(all[2..5], wanted);
    }

    #[test]
    fn windows_has_its_own_rules() {
        let given = [
            ("Path", r"C:\Windows;C:\TDM-GCC-64\bin;C:\TDM-GCC-32\bin"),
            ("Tmp", "t"),
            ("Meta_password", "secret"),
        ];
        let given = given.map(|(name, value)| (name.into(), value.into()));
        let work_dir = Path::new("work");
        let environment = Environment::by_rules(given, work_dir, Rules::WINDOWS);
        let form = |text: &str| Form::parse(text.as_bytes());
        let all = lines(&environment.of_command(&form("path=%24WORKDIR/bin&path=%24PATH"), &[]));
        assert_eq!(
            all,
            [
                "GOBUILDEXIT=1",
                r"PATH=work/bin;C:\Windows;C:\TDM-GCC-64\bin;C:\godep\gcc64\bin",
                "Tmp=t",
                "WORKDIR=work",
                &format!("GOROOT_BOOTSTRAP={}", work_dir.join("go1.4").display()),
            ]
        );
        let all = lines(&environment.of_command(&form("env=goarch%3D386"), &[]));
        assert_eq!(
            all[1],
            r"PATH=C:\Windows;C:\TDM-GCC-32\bin;C:\godep\gcc32\bin"
        );
        assert_eq!(environment.own("PATH"), environment.own("path"));
    }
}
