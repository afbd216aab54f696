//! What a log looks like where chance, a machine or the network was at fault and not the code (spec `dashboard.md` 11).

/// Each of them says so alone.
const PHRASES: [&str; 16] = [
    "No space left on device",
    "no space left on device",
    "fatal error: error in backend: IO failure on output stream",
    "Boffset: unknown state 0",
    "Bseek: unknown state 0",
    "error exporting repository: exit status",
    "remote error: User Is Over Quota",
    "fatal: remote did not send all necessary objects",
    "Failed to schedule \"",
    "lookup _xmpp-server._tcp.google.com. on 8.8.8.8:53: dial udp 8.8.8.8:53: i/o timeout",
    "lookup _xmpp-server._tcp.google.com on",
    "lookup gmail.com. on 8.8.8.8:53: dial udp 8.8.8.8:53: i/o timeout",
    "lookup gmail.com on 8.8.8.8:53",
    "lookup www.mit.edu on ",
    "undefined: runtime.SetMutexProfileFraction",
    "make.bat: The parameter is incorrect",
];
/// A log that begins so never came to the code.
const BEGINNINGS: [&str; 3] = ["exit status ", "timed out after ", "Failed to schedule "];
/// Line ends, with fewer of which a log says next to nothing, or little.
const NOTHING: usize = 2;
const LITTLE: usize = 20;

/// Whether it looks so.
#[must_use]
pub fn is_flaky(log: &str) -> bool {
    let trimmed = log.trim();
    let lines = trimmed.matches('\n').count();
    let has = |text: &str| log.contains(text);
    lines < NOTHING
        || BEGINNINGS.iter().any(|start| log.starts_with(start))
        || PHRASES.iter().any(|phrase| has(phrase))
        || (lines < LITTLE && has("error: exit status"))
        || (has("fatal: destination path '")
            && has("' already exists and is not an empty directory."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long(text: &str) -> String {
        format!("{}{text}\nFAIL\n", "ok\n".repeat(30))
    }

    #[test]
    fn a_test_that_failed_is_not_flaky() {
        assert!(!is_flaky(&long("--- FAIL: TestFoo (0.00s)")));
        assert!(!is_flaky("building\n# a\n./x.go:1: undefined: y\n"));
    }

    #[test]
    fn next_to_nothing_is() {
        for log in ["", "\n\n\n", "one\ntwo", "  one\ntwo\n\n\n"] {
            assert!(is_flaky(log), "{log:?}");
        }
        assert!(!is_flaky("one\ntwo\nthree"));
    }

    #[test]
    fn so_is_what_begins_with_the_end() {
        let rest = "a\n".repeat(30);
        for start in BEGINNINGS {
            assert!(is_flaky(&format!("{start}1\n{rest}")));
            assert!(!is_flaky(&format!("{rest}{start}1\n")));
        }
    }

    #[test]
    fn each_phrase_says_so_alone() {
        for phrase in PHRASES {
            assert!(is_flaky(&long(phrase)), "{phrase}");
        }
    }

    #[test]
    fn two_say_so_with_something_else() {
        let status = "a\nb\nc\nerror: exit status 1\n";
        assert!(is_flaky(status));
        assert!(!is_flaky(&long(status)));
        let path = "fatal: destination path 'go'";
        assert!(!is_flaky(&long(path)));
        let whole = format!("{path} already exists and is not an empty directory.");
        assert!(is_flaky(&long(&whole)));
    }
}
