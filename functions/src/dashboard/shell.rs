//! What all pages share: head, style, script, and the policy that lets a browser run these and nothing else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use farm_model::Timestamp;
use jiff::SignedDuration;
use sha2::{Digest, Sha256};

use super::place::Place;
use super::text::Moment;

/// A file a kind of page; what follows goes before what stands first.
const STYLE: &str = concat!(
    include_str!("../../templates/style/base.css"),
    include_str!("../../templates/style/grid.css"),
    include_str!("../../templates/style/build.css"),
    include_str!("../../templates/style/log.css"),
    include_str!("../../templates/style/lists.css"),
);
const SCRIPT: &str = include_str!("../../templates/script/page.js");

/// The frame of a page.
pub(super) struct Shell {
    /// The page's own part of its title.
    pub(super) title: String,
    /// The farm's name; empty where it is not known.
    pub(super) farm: String,
    /// As of when the data is.
    pub(super) made: Option<Moment>,
    /// Where the page is of a past moment.
    pub(super) then: Option<Then>,
    /// The part of the dashboard it belongs to, if any.
    section: Option<Section>,
    /// What sections that are about a branch have after their paths.
    place: String,
}

/// A part of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Grid,
    Failures,
    Builders,
    Machines,
    Queue,
    Tests,
    Flakes,
    About,
}

impl Section {
    /// In the order of the navigation: each with its name, its path, and whether it is about a branch.
    const ALL: [(Self, &'static str, &'static str, bool); 8] = [
        (Self::Grid, "Grid", "/", true),
        (Self::Failures, "Failures", "/failures", true),
        (Self::Builders, "Builders", "/builders", false),
        (Self::Machines, "Machines", "/machines", false),
        (Self::Queue, "Queue", "/queue", false),
        (Self::Tests, "Tests", "/tests", true),
        (Self::Flakes, "Flakes", "/flakes", false),
        (Self::About, "About", "/about", false),
    ];
}

/// A way to a section.
pub(super) struct Way {
    pub(super) name: &'static str,
    pub(super) address: String,
    pub(super) here: bool,
}

/// The moment of a page of the past, and ways from it.
pub(super) struct Then {
    pub(super) at: Timestamp,
    /// The same page a while before and after.
    pub(super) near: Vec<Step>,
    /// The same page as it is now.
    pub(super) now: String,
    /// What has changed since.
    pub(super) changes: String,
}

/// A way to another moment.
pub(super) struct Step {
    pub(super) label: &'static str,
    pub(super) address: String,
}

/// By how many seconds a step goes.
const STEPS: [(&str, i64); 6] = [
    ("\u{2212}1 day", -86_400),
    ("\u{2212}1 h", -3600),
    ("\u{2212}10 min", -600),
    ("+10 min", 600),
    ("+1 h", 3600),
    ("+1 day", 86_400),
];

impl Then {
    /// The page `path`, with or without a query, at the moment `at`, seen at the moment `now`.
    pub(super) fn new(at: Timestamp, path: &str, now: Timestamp) -> Self {
        let sign = if path.contains('?') { '&' } else { '?' };
        let near = STEPS.into_iter().filter_map(|(label, seconds)| {
            let other = at.checked_add(SignedDuration::from_secs(seconds)).ok()?;
            let address = format!("{path}{sign}at={other}");
            (other < now).then_some(Step { label, address })
        });
        Self {
            at,
            near: near.collect(),
            now: path.to_owned(),
            changes: format!("/diff?at={at}"),
        }
    }
}

impl Shell {
    pub(super) fn new(title: impl Into<String>, farm: &str, made: Option<Timestamp>) -> Self {
        Self {
            title: title.into(),
            farm: farm.to_owned(),
            made: made.map(Moment),
            then: None,
            section: None,
            place: String::new(),
        }
    }

    /// The same as a page of a section.
    pub(super) fn on(self, section: Section) -> Self {
        let section = Some(section);
        Self { section, ..self }
    }

    /// The same of a branch, about which other sections are then asked as well.
    pub(super) fn about(self, place: Option<&Place<'_>>) -> Self {
        let place = place.map(Place::query).unwrap_or_default();
        Self { place, ..self }
    }

    /// The navigation.
    pub(super) fn ways(&self) -> Vec<Way> {
        let way = |(section, name, path, about): (Section, _, &str, bool)| Way {
            name,
            address: format!("{path}{}", if about { &self.place } else { "" }),
            here: self.section == Some(section),
        };
        Section::ALL.into_iter().map(way).collect()
    }

    /// The same of a past moment.
    pub(super) fn at(self, then: Option<Then>) -> Self {
        Self { then, ..self }
    }

    /// What links to pages without a query have after them, so that they stay in the past.
    pub(super) fn query(&self) -> String {
        let then = self.then.as_ref();
        then.map_or_else(String::new, |then| format!("?at={}", then.at))
    }

    pub(super) fn style(&self) -> &'static str {
        STYLE
    }

    pub(super) fn script(&self) -> &'static str {
        SCRIPT
    }

    /// The Content-Security-Policy of every answer: nothing from elsewhere, no script but ours, no frames.
    pub(super) fn policy() -> String {
        format!(
            "default-src 'none'; style-src {}; script-src {}; connect-src 'self'; img-src data:; \
             base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
            source(STYLE),
            source(SCRIPT)
        )
    }
}

/// An inline element by its digest.
fn source(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_style_nor_script_can_end_its_element() {
        assert!(!STYLE.contains("</") && !SCRIPT.contains("</"));
    }
}
