//! What all pages share: head, style, script, and the policy that lets a browser run these and nothing else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("../../templates/style.css");
const SCRIPT: &str = include_str!("../../templates/script.js");

/// The frame of a page.
pub(super) struct Shell {
    /// The page's own part of its title.
    pub(super) title: String,
    /// Which of the sections it is; empty where it is none.
    pub(super) section: &'static str,
    /// There are functions to show.
    pub(super) functions: bool,
    /// Dead letters that lie there.
    pub(super) dead: usize,
}

impl Shell {
    pub(super) fn style(&self) -> &'static str {
        STYLE
    }

    pub(super) fn script(&self) -> &'static str {
        SCRIPT
    }

    /// Whether the page is this section.
    pub(super) fn is_at(&self, section: &str) -> bool {
        self.section == section
    }
}

/// The Content-Security-Policy of every answer: nothing from elsewhere, no script but ours, no frames.
pub(super) fn policy() -> String {
    format!(
        "default-src 'none'; style-src {}; script-src {}; connect-src 'self'; img-src data:; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'",
        source(STYLE),
        source(SCRIPT)
    )
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
