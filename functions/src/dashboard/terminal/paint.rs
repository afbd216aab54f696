//! Lines of a log as HTML: escaped, with a class for each look.

use super::style::Style;
use super::{Token, Tokens};

/// Knows how text looks where the next line begins.
#[derive(Default)]
pub(in crate::dashboard) struct Painter {
    style: Style,
}

impl Painter {
    /// Adds one line to `html`, without its end.
    pub(in crate::dashboard) fn line(&mut self, line: &[u8], html: &mut String) {
        let text = String::from_utf8_lossy(line);
        let mut spans = Spans::new(html);
        let mut back = false;
        for token in Tokens::of(&text) {
            match token {
                Token::Text(text) => {
                    if std::mem::take(&mut back) {
                        spans.erase();
                    }
                    spans.push(text, self.style);
                }
                Token::Style(parameters) => self.style.apply(parameters),
                Token::Return => back = true,
                Token::Line => {}
            }
        }
        spans.close();
    }
}

/// A line as it is written.
struct Spans<'a> {
    html: &'a mut String,
    start: usize,
    shown: Style,
}

impl<'a> Spans<'a> {
    fn new(html: &'a mut String) -> Self {
        Self {
            start: html.len(),
            shown: Style::default(),
            html,
        }
    }

    /// What was written so far is written over.
    fn erase(&mut self) {
        self.html.truncate(self.start);
        self.shown = Style::default();
    }

    fn push(&mut self, text: &str, style: Style) {
        if style != self.shown {
            self.close();
            let classes = style.classes();
            if !classes.is_empty() {
                *self.html += &format!("<span class=\"{classes}\">");
            }
            self.shown = style;
        }
        escape(text, self.html);
    }

    fn close(&mut self) {
        if !self.shown.classes().is_empty() {
            self.html.push_str("</span>");
        }
        self.shown = Style::default();
    }
}

/// Text as HTML.
fn escape(text: &str, html: &mut String) {
    for c in text.chars() {
        match c {
            '<' => html.push_str("&#60;"),
            '>' => html.push_str("&#62;"),
            '&' => html.push_str("&#38;"),
            '"' => html.push_str("&#34;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(lines: &[&str]) -> String {
        let (mut painter, mut html) = (Painter::default(), String::new());
        for line in lines {
            painter.line(line.as_bytes(), &mut html);
            html.push('\n');
        }
        html
    }

    #[test]
    fn what_a_log_says_stays_text() {
        let html = painted(&["<script>alert('x')</script> & \"more\""]);
        assert_eq!(
            html,
            "&#60;script&#62;alert(&#39;x&#39;)&#60;/script&#62; &#38; &#34;more&#34;\n"
        );
        let html = painted(&["\u{1b}[31\"><b>m"]);
        assert_eq!(html, "&#62;m\n");
    }

    #[test]
    fn a_look_goes_on_over_lines_and_ends_with_each() {
        let html = painted(&["a\u{1b}[31mb", "c\u{1b}[1md\u{1b}[0me", "f"]);
        let expected = "a<span class=\"f200\">b</span>\n\
             <span class=\"f200\">c</span><span class=\"f200 sb\">d</span>e\nf\n";
        assert_eq!(html, expected);
    }

    #[test]
    fn a_progress_bar_is_its_last_state_with_its_look() {
        let html = painted(&["\u{1b}[32m10 %\r50 %\u{1b}[0m\rdone\r"]);
        assert_eq!(html, "done\n");
        let html = painted(&["10 %\r\u{1b}[32m50 %"]);
        assert_eq!(html, "<span class=\"f020\">50 %</span>\n");
    }
}
