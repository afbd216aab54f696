//! Is a page well-formed? Stricter than a browser, which repairs what it gets.

use std::collections::BTreeSet;

/// Elements without an end.
const VOID: [&str; 6] = ["br", "input", "link", "meta", "hr", "img"];

/// What is wrong with a page; nothing where it is as it should be.
pub fn faults(html: &str) -> Vec<String> {
    let mut check = Check::default();
    check.page(html);
    check.faults
}

#[derive(Default)]
struct Check {
    open: Vec<String>,
    ids: BTreeSet<String>,
    /// Ids that something is labelled by.
    wanted: Vec<String>,
    /// Of each table that is open: whether it has a header.
    headed: Vec<bool>,
    faults: Vec<String>,
}

impl Check {
    fn page(&mut self, html: &str) {
        let Some(mut rest) = html.strip_prefix("<!doctype html>\n") else {
            return self.fault("it does not begin with its type");
        };
        while let Some(at) = rest.find('<') {
            self.text(&rest[..at]);
            let Some(end) = end_of_tag(&rest[at..]) else {
                return self.fault(&format!("a tag without an end: {}", head(&rest[at..])));
            };
            let tag = &rest[at + 1..at + end];
            rest = &rest[at + end + 1..];
            self.tag(tag);
            // What is inside is no markup.
            if let Some(raw) = ["style", "script"].into_iter().find(|raw| *raw == tag) {
                match rest.find(&format!("</{raw}>")) {
                    Some(end) => rest = &rest[end..],
                    None => return self.fault(&format!("<{raw}> without an end")),
                }
            }
        }
        self.text(rest);
        let open = std::mem::take(&mut self.open);
        for name in open {
            self.fault(&format!("<{name}> is never closed"));
        }
        for id in std::mem::take(&mut self.wanted) {
            if !self.ids.contains(&id) {
                self.fault(&format!("labelled by {id}, which is not there"));
            }
        }
    }

    fn fault(&mut self, text: &str) {
        self.faults.push(text.to_owned());
    }

    fn text(&mut self, text: &str) {
        if text.contains('>') {
            self.fault(&format!("a bare > in {}", head(text)));
        }
        for (at, _) in text.match_indices('&') {
            let rest = &text[at + 1..];
            let name = rest.split(';').next().unwrap_or_default();
            let known = name.starts_with('#') || matches!(name, "amp" | "lt" | "gt" | "quot");
            if !known || name.len() == rest.len() {
                self.fault(&format!("a bare & in {}", head(&text[at..])));
            }
        }
    }

    fn tag(&mut self, tag: &str) {
        if let Some(name) = tag.strip_prefix('/') {
            return self.end(name);
        }
        let (name, rest) = tag.split_at(tag.find(char::is_whitespace).unwrap_or(tag.len()));
        let (name, closed) = match name.strip_suffix('/') {
            Some(name) => (name, true),
            None => (name, rest.ends_with('/')),
        };
        let attributes = self.attributes(rest.strip_suffix('/').unwrap_or(rest));
        let has = |wanted: &str| attributes.iter().any(|(name, _)| *name == wanted);
        let labelled = has("aria-label") || self.open.iter().any(|open| open == "label");
        if matches!(name, "input" | "select" | "textarea")
            && !labelled
            && !attributes.contains(&("type", "hidden"))
        {
            self.fault(&format!("<{tag}> has no label"));
        }
        if name == "a" && !has("href") {
            self.fault(&format!("<{tag}> leads nowhere"));
        }
        match name {
            "table" => self.headed.push(false),
            "th" => {
                if !has("scope") {
                    self.fault(&format!("<{tag}> does not say what it is the header of"));
                }
                if let Some(headed) = self.headed.last_mut() {
                    *headed = true;
                }
            }
            _ => {}
        }
        if !closed && !VOID.contains(&name) {
            self.open.push(name.to_owned());
        }
    }

    fn end(&mut self, name: &str) {
        if self.open.last().is_some_and(|open| open == name) {
            self.open.pop();
        } else {
            self.fault(&format!("</{name}> closes {:?}", self.open.last()));
        }
        if name == "table" && self.headed.pop() == Some(false) {
            self.fault("a table without headers");
        }
    }

    fn attributes<'a>(&mut self, text: &'a str) -> Vec<(&'a str, &'a str)> {
        let mut found: Vec<(&str, &str)> = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let end = rest.find(|c: char| c == '=' || c.is_whitespace());
            let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
            let (value, after) = match after.strip_prefix("=\"") {
                Some(after) => after.split_once('"').unwrap_or((after, "")),
                None => ("", after),
            };
            if after.starts_with('=') || after.starts_with(|c: char| !c.is_whitespace()) {
                self.fault(&format!(
                    "{name} is not quoted, or too close: {}",
                    head(rest)
                ));
                return found;
            }
            self.text(value);
            self.attribute(name, value, found.iter().any(|(other, _)| *other == name));
            found.push((name, value));
            rest = after.trim_start();
        }
        found
    }

    fn attribute(&mut self, name: &str, value: &str, twice: bool) {
        if twice {
            self.fault(&format!("{name} twice"));
        }
        if name.starts_with("on") || name == "style" {
            self.fault(&format!("{name} is refused by the policy"));
        }
        if value.contains('<') {
            self.fault(&format!("a bare < in {name}"));
        }
        match name {
            "id" if !self.ids.insert(value.to_owned()) => self.fault(&format!("id {value} twice")),
            "aria-labelledby" => self.wanted.push(value.to_owned()),
            _ => {}
        }
    }
}

/// Where the tag at the start of `text` ends: quotes may hold anything.
fn end_of_tag(text: &str) -> Option<usize> {
    let mut quoted = false;
    let mut ends = text.char_indices().filter(|(_, c)| {
        quoted ^= *c == '"';
        *c == '>' && !quoted
    });
    ends.next().map(|(at, _)| at)
}

fn head(text: &str) -> String {
    text.chars().take(60).collect()
}

#[test]
fn each_fault_is_found() {
    let page = |body: &str| faults(&format!("<!doctype html>\n<html>{body}</html>"));
    assert_eq!(
        page("<p id=\"a\">x &amp; y<br></p><svg><path d=\"a\"/></svg>"),
        [""; 0]
    );
    assert_eq!(
        page("<style>a>b{}</style><script>1 < 2 && 3</script>"),
        [""; 0]
    );
    for (body, says) in [
        ("<p>", "closes Some(\"p\")"),
        ("</p>", "</p> closes"),
        ("<p>a & b</p>", "a bare &"),
        ("<p>a > b</p>", "a bare >"),
        ("<p class=x></p>", "not quoted"),
        ("<p id=\"a\"></p><p id=\"a\"></p>", "id a twice"),
        ("<p class=\"a\" class=\"b\"></p>", "class twice"),
        ("<p title=\"<b>\"></p>", "a bare <"),
        ("<p style=\"x\"></p>", "policy"),
        ("<input>", "no label"),
        ("<a>x</a>", "leads nowhere"),
        ("<table><tr><td></td></tr></table>", "without headers"),
        ("<p aria-labelledby=\"x\"></p>", "labelled by x"),
        ("<p title=\"", "without an end"),
    ] {
        let found = page(body).join("\n");
        assert!(found.contains(says), "{body}: {found}");
    }
}
