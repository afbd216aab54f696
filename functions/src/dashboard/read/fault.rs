//! Whether a line says what went wrong: by the forms in which compilers, test runners, shells and systems say it.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

/// How sure it is that a line is why something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Programs say this only of what failed.
    Certain,
    /// Mostly; some say it and go on.
    Likely,
}

/// One of these is in every line that a rule below takes: most lines are passed over without a closer look.
const SUSPECTS: [&str; 22] = [
    "fail",
    "panic",
    "error",
    "fatal",
    "***",
    "not found",
    "traceback (",
    "segmentation fault",
    "bus error",
    "core dumped",
    "sigsegv",
    "undefined reference",
    "data race",
    "killed",
    ".go:",
    "err!",
    "exception",
    "timed out",
    "no such file",
    "permission denied",
    "not ok ",
    "assert",
];

static SUSPECT: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let mut search = AhoCorasick::builder();
    search.ascii_case_insensitive(true).build(SUSPECTS).ok()
});

/// Whether a line, with whatever escapes it has, may be one. Quick.
pub(super) fn is_suspect(line: &[u8]) -> bool {
    SUSPECT.as_ref().is_none_or(|search| search.is_match(line))
}

/// What a line, as plain text, says of a failure; nothing mostly.
pub(super) fn weight(line: &str) -> Option<Weight> {
    let text = line.trim();
    if is_verdict(line, text) || is_compiler(line, text) || is_tool(text) || is_crash(text) {
        return Some(Weight::Certain);
    }
    is_complaint(text).then_some(Weight::Likely)
}

/// What test runners say of a test that failed.
fn is_verdict(line: &str, text: &str) -> bool {
    let starts = |all: &[&str]| all.iter().any(|start| text.starts_with(start));
    // go test; pytest; JUnit's console; Go's race detector
    starts(&["--- FAIL: ", "panic: ", "WARNING: DATA RACE"])
        || line.starts_with("FAIL\t")
        || line.starts_with("FAILED ")
        || line.starts_with("E   ") && (text.contains("Error") || text.contains("assert"))
        || text.contains("<<< FAILURE!")
        || text.contains("<<< ERROR!")
        || text.starts_with("test ") && text.ends_with("... FAILED")
        || text.starts_with("thread '") && text.contains(" panicked at ")
        || text.starts_with("not ok ")
        || starts(&["panic: test timed out", "*** Test killed"])
}

/// `file:line: error: …`, `file(line): error C1234: …`, `error[E0308]: …`, and what Go's compiler says.
fn is_compiler(line: &str, text: &str) -> bool {
    // What a test says is indented.
    if line.starts_with([' ', '\t']) {
        return false;
    }
    if let Some(rest) = text.strip_prefix("error") {
        return rest.starts_with('[') && rest.contains("]: ")
            || rest.starts_with(": ") && is_said(&rest[2..]);
    }
    let marks = [": error: ", ": fatal error: ", ": error ", "): error "];
    let at = marks
        .iter()
        .filter_map(|mark| Some((text.find(mark)?, *mark)));
    let at = at.min_by_key(|(at, _)| *at);
    if let Some((at, mark)) = at
        && (ends_in_number(text[..at].trim_end_matches(')')) || is_linker(&text[..at]))
    {
        return is_said(&text[at + mark.len()..]);
    }
    is_go_position(text)
}

/// `dir/file.go:12:3: …`; with one number it may be a line of a log.
fn is_go_position(text: &str) -> bool {
    let text = text.strip_prefix("vet: ").unwrap_or(text);
    let Some((path, rest)) = text.split_once(".go:") else {
        return false;
    };
    let mut parts = rest.splitn(3, ':');
    let mut number = || parts.next().is_some_and(is_number);
    !path.contains(char::is_whitespace)
        && number()
        && number()
        && parts.next().is_some_and(|said| said.starts_with(' '))
}

fn is_linker(before: &str) -> bool {
    let program = before.rsplit(['/', ' ']).next().unwrap_or(before);
    [
        "ld", "collect2", "clang", "gcc", "g++", "clang++", "cc1", "cc",
    ]
    .contains(&program)
}

/// `file:12`, `file:12:3`, `file(12,3`.
fn ends_in_number(before: &str) -> bool {
    before.rsplit([':', '(', ',']).next().is_some_and(is_number) && before.contains([':', '('])
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Make, ninja, shells, git.
fn is_tool(text: &str) -> bool {
    let make = text.split_once(": *** ").is_some_and(|(program, _)| {
        let name = program.split('[').next().unwrap_or(program);
        name.rsplit('/')
            .next()
            .is_some_and(|name| ["make", "gmake"].contains(&name))
    });
    make || is_missing_command(text)
        || text.starts_with("FAILED: ")
        || text.contains(": undefined reference to ")
        || text.starts_with("go: ") && text.contains(": no such file")
        || text.starts_with("fatal: ")
}

/// `bash: x: command not found`, `sh: 1: x: not found`, `bash: line 1: ./x: No such file or directory`.
fn is_missing_command(text: &str) -> bool {
    let shell = text.split(": ").next().unwrap_or(text);
    let shell = shell.rsplit('/').next().unwrap_or(shell);
    let is_shell =
        ["sh", "bash", "dash", "zsh", "ash", "ksh"].contains(&shell) || shell.ends_with(".sh");
    let ends = |all: &[&str]| all.iter().any(|end| text.ends_with(end));
    ends(&[": command not found"])
        || is_shell
            && ends(&[
                ": not found",
                ": No such file or directory",
                ": Permission denied",
            ])
        || text.starts_with("zsh: command not found: ")
}

/// What systems and runtimes say of a program's end.
fn is_crash(text: &str) -> bool {
    let starts = |all: &[&str]| all.iter().any(|start| text.starts_with(start));
    starts(&[
        "Traceback (most recent call last)",
        "fatal error: ",
        "Segmentation fault",
        "SIGSEGV",
        "Bus error",
        "Exception in thread ",
        "Unhandled exception",
    ]) || text == "Killed"
        || text.ends_with(": Segmentation fault")
        || text.contains("(core dumped)")
        || text.contains("[signal SIGSEGV")
        || text.contains("==ERROR: ") && text.contains("Sanitizer")
}

/// `Error: …`, `ERROR …`, `[ERROR] …`, `npm ERR! …`, `x: error: …`, `ValueError: …`.
fn is_complaint(text: &str) -> bool {
    for start in [
        "Error: ",
        "ERROR: ",
        "[ERROR] ",
        "npm ERR! ",
        "FATAL: ",
        "Fatal: ",
    ] {
        if let Some(said) = text.strip_prefix(start) {
            return is_said(said);
        }
    }
    let Some((before, said)) = text.split_once(": ") else {
        return false;
    };
    let word = !before.contains(char::is_whitespace);
    if word && (before.ends_with("Error") || before.ends_with("Exception")) {
        return is_said(said);
    }
    let said = said
        .strip_prefix("error: ")
        .or_else(|| said.strip_prefix("fatal error: "));
    word && said.is_some_and(is_said)
}

/// Whether anything is said of an error: not that there is none.
fn is_said(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    let none = [
        "none", "0", "no error", "nil", "<nil>", "null", "false", "success",
    ];
    !text.is_empty()
        && !none
            .iter()
            .any(|none| text == *none || text.starts_with(&format!("{none} ")))
}

#[cfg(test)]
mod tests;
