//! The rewriting of `PATH` (`buildlet.md` 5.6).

use std::path::Path;

use super::rules::Rules;
use super::{PATH, Variable};
use crate::native;

/// The last entry is rewritten, since it is the one that counts, and an empty old value leaves no empty element behind,
/// which would mean the current directory: the original had both wrong.
pub(super) fn rewrite(
    variables: &mut Vec<Variable>,
    elements: &[&[u8]],
    work_dir: &Path,
    rules: Rules,
) {
    let is_path = |(name, _): &Variable| rules.is_same(name, PATH);
    let at = variables.iter().rposition(is_path);
    let old = at
        .map(|at| variables[at].1.as_encoded_bytes().to_vec())
        .unwrap_or_default();
    let value = match elements {
        [] => return,
        [b"$EMPTY"] => {
            if let Some(first) = variables.iter().position(is_path) {
                variables.remove(first);
            }
            return;
        }
        elements => {
            let expanded = elements.iter().map(|element| match *element {
                b"$PATH" => old.clone(),
                element => replace(
                    element,
                    b"$WORKDIR",
                    work_dir.as_os_str().as_encoded_bytes(),
                ),
            });
            expanded
                .filter(|element| !element.is_empty())
                .collect::<Vec<_>>()
                .join(&rules.separator)
        }
    };
    let value = native::os(value);
    match at {
        Some(at) => variables[at] = (PATH.into(), value),
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
    use crate::http::Form;

    #[test]
    fn paths_are_rewritten_by_the_rules() {
        let path_by = |rules, old: &[(&str, &str)], form: &str| {
            let mut variables: Vec<Variable> = old
                .iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect();
            let form = Form::parse(form.as_bytes());
            let elements: Vec<&[u8]> = form.all("path").collect();
            rewrite(&mut variables, &elements, Path::new("/w"), rules);
            let lines = variables
                .iter()
                .map(|(name, value)| format!("{}={}", name.display(), value.display()));
            lines.collect::<Vec<_>>().join(" ")
        };
        let path = |old: &[(&str, &str)], form: &str| path_by(Rules::UNIX, old, form);
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
        // Nothing was there, or nothing in it: no empty element, which would mean the current directory.
        assert_eq!(path(&[], "path=$PATH&path=/a"), "PATH=/a");
        assert_eq!(
            path(&[("PATH", "")], "path=/a&path=$PATH&path=/b"),
            "PATH=/a:/b"
        );
        assert_eq!(path(&[], "path=$EMPTY"), "");
        // `$EMPTY` means something only alone.
        assert_eq!(
            path(&old, "path=$EMPTY&path=/a"),
            "FOO=x PATH=$EMPTY:/a BAR=y"
        );
        let windows = path_by(
            Rules::WINDOWS,
            &[("Path", "a;b")],
            "path=$PATH&path=$WORKDIR/c",
        );
        assert_eq!(windows, "PATH=a;b;/w/c");
    }
}
