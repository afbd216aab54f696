//! The parts of a log: steps, as hubs mark them, and what is announced within.

/// Parts that are listed; a log with more has further ones all the same.
const MOST: usize = 300;
/// Characters of a name.
const LONGEST: usize = 120;

/// What hubs write before each step, and after it.
const STEP: &str = "[farm] step ";
/// What stands before every line of theirs.
const FARM: &str = "[farm] ";

/// A part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    /// The line it begins with.
    pub(super) line: u64,
    /// Its name.
    pub(super) name: String,
    /// Of a step, rather than of what is announced within one.
    pub(super) is_step: bool,
    /// How it ended, and after how long.
    pub(super) end: Option<(String, String)>,
}

/// What a line says of parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing: it is output.
    Output,
    /// A step begins.
    Begin,
    /// The step is over; whether well.
    End(bool),
    /// It is the farm's, or announces something within a step, or is the command.
    Other,
}

/// The parts of the lines so far.
#[derive(Default)]
pub(super) struct Sections {
    all: Vec<Section>,
    /// The step under way.
    open: Option<String>,
}

impl Sections {
    pub(super) fn all(&self) -> &[Section] {
        &self.all
    }

    /// Takes the next line in.
    pub(super) fn line(&mut self, number: u64, line: &[u8]) -> Said {
        match line.first() {
            Some(b'[') => self.farms(number, &String::from_utf8_lossy(line)),
            Some(b'#' | b':') => self.announced(number, &String::from_utf8_lossy(line)),
            // Hubs write the command of a step so.
            Some(b'$') if line.starts_with(b"$ ") => Said::Other,
            _ => Said::Output,
        }
    }

    fn farms(&mut self, number: u64, line: &str) -> Said {
        let Some(step) = line.strip_prefix(STEP) else {
            return if line.starts_with(FARM) {
                Said::Other
            } else {
                Said::Output
            };
        };
        let open = self.open.as_deref().unwrap_or_default();
        let end = step
            .strip_prefix(open)
            .and_then(|rest| rest.strip_prefix(": "));
        if let Some((state, took)) = end.and_then(|end| end.rsplit_once(" after ")) {
            let is_ok = state == "ok";
            self.close(state, took);
            return Said::End(is_ok);
        }
        self.open = Some(step.to_owned());
        self.push(number, step, true);
        Said::Begin
    }

    /// `##### Testing packages.` of Go's `dist`, `::group::name` as other farms write it.
    fn announced(&mut self, number: u64, line: &str) -> Said {
        let name = line
            .strip_prefix("##### ")
            .or_else(|| line.strip_prefix("::group::"));
        let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) else {
            return Said::Output;
        };
        self.push(number, name, false);
        Said::Other
    }

    fn push(&mut self, line: u64, name: &str, is_step: bool) {
        if self.all.len() < MOST {
            self.all.push(Section {
                line,
                name: name.chars().take(LONGEST).collect(),
                is_step,
                end: None,
            });
        }
    }

    fn close(&mut self, state: &str, took: &str) {
        self.open = None;
        let step = self.all.iter_mut().rev().find(|section| section.is_step);
        if let Some(step) = step.filter(|step| step.end.is_none()) {
            let state = state.chars().take(LONGEST).collect();
            step.end = Some((state, took.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_begin_and_end_and_have_parts() {
        let lines = [
            ("[farm] attempt of a", Said::Other),
            ("[farm] step make", Said::Begin),
            ("$ ./make.bash", Said::Other),
            ("##### Building", Said::Other),
            ("done", Said::Output),
            ("[farm] step make: ok after 3.2s", Said::End(true)),
            ("[farm] step test a: b (+2)", Said::Begin),
            ("[farming] is not ours", Said::Output),
            ("#include", Said::Output),
            (
                "[farm] step test a: b (+2): exit status 1 after 2s",
                Said::End(false),
            ),
            ("[farm] step last", Said::Begin),
        ];
        let mut sections = Sections::default();
        for (n, (line, said)) in (1..).zip(lines) {
            assert_eq!(sections.line(n, line.as_bytes()), said, "{line}");
        }
        let told: Vec<_> = sections
            .all()
            .iter()
            .map(|part| (part.line, part.name.as_str(), part.is_step))
            .collect();
        let expected = [
            (2, "make", true),
            (4, "Building", false),
            (7, "test a: b (+2)", true),
            (11, "last", true),
        ];
        assert_eq!(told, expected);
        let ends = [0, 2, 3].map(|n| sections.all()[n].end.clone().map(|(state, _)| state));
        assert_eq!(
            ends,
            [
                Some("ok".to_owned()),
                Some("exit status 1".to_owned()),
                None
            ]
        );
    }

    #[test]
    fn what_is_listed_is_bounded() {
        let mut sections = Sections::default();
        for n in 1..2000 {
            sections.line(n, format!("##### {}", "x".repeat(500)).as_bytes());
        }
        assert_eq!(sections.all().len(), MOST);
        assert!(sections.all()[0].name.len() <= LONGEST);
    }
}
