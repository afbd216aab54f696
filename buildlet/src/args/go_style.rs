//! Command lines of 2019: Go's flags have a single dash (`-workdir=/w`, `-halt=false`).

use std::ffi::OsString;

use clap::{ArgAction, Command, CommandFactory};

use super::Args;
use crate::native;

/// A command line with the second dash before each long option that had only one. Values of options, everything behind `--`,
/// and what is no option of ours stay as they are.
#[must_use]
pub fn from_go_style(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut command = Args::command();
    let mut args = args.into_iter();
    let mut out: Vec<OsString> = args.by_ref().take(1).collect();
    while let Some(arg) = args.next() {
        if arg == "--" {
            out.push(arg);
            break;
        }
        let subcommand = command.find_subcommand(&arg).cloned();
        let (arg, awaits_value) = rewritten(&command, arg);
        out.push(arg);
        if awaits_value {
            out.extend(args.next());
        }
        if let Some(subcommand) = subcommand {
            command = subcommand;
        }
    }
    out.extend(args);
    out
}

/// The argument, and whether the next one is its value.
fn rewritten(command: &Command, arg: OsString) -> (OsString, bool) {
    let bytes = arg.as_encoded_bytes();
    let Some(rest) = bytes.strip_prefix(b"-") else {
        return (arg, false);
    };
    let name = rest.strip_prefix(b"-").unwrap_or(rest);
    let end = name.iter().position(|&byte| byte == b'=');
    let name = &name[..end.unwrap_or(name.len())];
    let Some(option) = command
        .get_arguments()
        .find(|known| known.get_long().is_some_and(|long| long.as_bytes() == name))
    else {
        return (arg, false);
    };
    let takes_value = matches!(option.get_action(), ArgAction::Set | ArgAction::Append)
        && !option.is_require_equals_set();
    let awaits_value = takes_value && end.is_none();
    if rest.starts_with(b"-") {
        return (arg, awaits_value);
    }
    (native::os([b"-", bytes].concat()), awaits_value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn of_text(args: &[&str]) -> Vec<String> {
        let own = |arg: OsString| arg.into_string().unwrap();
        let args = args.iter().map(OsString::from);
        from_go_style(args).into_iter().map(own).collect()
    }

    #[test]
    fn long_options_may_have_one_dash() {
        let old = [
            "b",
            "-halt=false",
            "-workdir=/w",
            "-reverse-type",
            "host-x",
            "-coordinator=c:1",
        ];
        let new = [
            "b",
            "--halt=false",
            "--workdir=/w",
            "--reverse-type",
            "host-x",
            "--coordinator=c:1",
        ];
        assert_eq!(of_text(&old), new);
        assert_eq!(of_text(&new), new);
        let args = Args::try_parse_from(of_text(&old)).unwrap();
        assert_eq!(args.reverse_type.as_deref(), Some("host-x"));
    }

    #[test]
    fn what_is_no_option_stays_as_it_is() {
        for args in [
            &["b", "-V"][..],
            &["b", "-h"],
            &["b", "-workdirs=/w"],
            &["b", "--hostname", "-halt"],
            &["b", "stage0", "--url", "-halt", "--", "-halt"],
        ] {
            assert_eq!(of_text(args), args);
        }
        assert_eq!(
            of_text(&["b", "-hostname", "-halt", "-halt"]),
            ["b", "--hostname", "-halt", "--halt"]
        );
    }

    #[test]
    fn options_of_subcommands_count_behind_them() {
        let old = ["b", "stage0", "-untar-file=f", "-untar-dest-dir", "d"];
        assert_eq!(
            of_text(&old),
            ["b", "stage0", "--untar-file=f", "--untar-dest-dir", "d"]
        );
        assert_eq!(of_text(&["b", "-untar-file=f"]), ["b", "-untar-file=f"]);
    }
}
