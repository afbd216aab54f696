use std::collections::HashMap;

use proptest::prelude::*;

use super::Filter;

fn attributes() -> HashMap<String, String> {
    [
        ("domain", "com"),
        ("iana.org/language_tag", "en"),
        ("region", "us-east1"),
        ("a-b", "1"),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect()
}

#[test]
fn the_grammar_selects_what_the_documentation_says() {
    for (source, expected) in [
        ("attributes:domain", true),
        ("attributes:missing", false),
        ("NOT attributes:missing", true),
        ("-attributes:domain", false),
        ("attributes.domain = \"com\"", true),
        ("attributes.domain=\"com\"", true),
        ("attributes.domain != \"com\"", false),
        ("attributes.missing != \"com\"", true),
        ("attributes.a-b = \"1\"", true),
        ("attributes.\"iana.org/language_tag\" = \"en\"", true),
        ("attributes:\"iana.org/language_tag\"", true),
        ("hasPrefix(attributes.region, \"us-\")", true),
        ("hasPrefix(attributes.missing, \"us-\")", false),
        ("NOT hasPrefix(attributes.region, \"eu\")", true),
        ("attributes:domain AND attributes.region = \"eu\"", false),
        ("attributes:domain OR attributes.region = \"eu\"", true),
        (
            "(attributes:x OR attributes:domain) AND NOT attributes:y",
            true,
        ),
        (
            "attributes:x OR (attributes:domain AND NOT -attributes:region)",
            true,
        ),
        ("attributes.domain = \"\\x63\\u006f\\155\"", true),
        ("  ( ( attributes : domain ) )  ", true),
    ] {
        let filter = Filter::parse(source)
            .unwrap_or_else(|error| panic!("{source}: {error}"))
            .unwrap();
        assert_eq!(filter.matches(&attributes()), expected, "{source}");
    }
}

#[test]
fn nothing_is_no_filter() {
    assert_eq!(Filter::parse(""), Ok(None));
    assert_eq!(Filter::parse("  \n"), Ok(None));
}

#[test]
fn what_is_outside_the_grammar_is_refused_with_its_place() {
    for (source, at) in [
        ("domain", 0),
        ("attributes", 10),
        ("attributes.domain", 17),
        ("attributes.domain = com", 20),
        ("attributes.domain = \"com", 24),
        ("attributes.domain == \"com\"", 19),
        ("attributes:a AND attributes:b OR attributes:c", 30),
        ("attributes:a and attributes:b", 13),
        ("(attributes:a", 13),
        ("attributes:a)", 12),
        ("NOT", 3),
        ("hasPrefix(attributes:a, \"x\")", 20),
        ("attributes.a = \"\\q\"", 17),
        ("attributes.a = \"\\ud800\"", 17),
        ("data = \"x\"", 0),
    ] {
        let error = Filter::parse(source).expect_err(source);
        assert_eq!(error.at, at, "{source}: {error}");
    }
    assert!(Filter::parse(&format!("attributes:{}", "a".repeat(256))).is_err());
}

fn filters() -> impl Strategy<Value = Filter> {
    filters_of("[a-zA-Z0-9_./é\"\\\\-]{1,4}", "[a-c é\"\\\\\n]{0,3}")
}

fn filters_of(key: &'static str, value: &'static str) -> impl Strategy<Value = Filter> {
    let leaf = prop_oneof![
        key.prop_map(Filter::Has),
        (key, value).prop_map(|(k, v)| Filter::Equals(k, v)),
        (key, value).prop_map(|(k, v)| Filter::HasPrefix(k, v)),
    ];
    leaf.prop_recursive(3, 6, 3, |inner| {
        let several = prop::collection::vec(inner.clone(), 2..3);
        prop_oneof![
            inner.prop_map(|f| Filter::Not(Box::new(f))),
            several.clone().prop_map(Filter::All),
            several.prop_map(Filter::Any),
        ]
    })
}

proptest! {
    #[test]
    fn a_written_filter_reads_back_as_itself(filter in filters()) {
        let source = filter.to_string();
        prop_assume!(source.len() <= 256);
        prop_assert_eq!(Filter::parse(&source), Ok(Some(filter)));
    }

    #[test]
    fn no_text_makes_the_parser_panic(source in "(attributes|hasPrefix|NOT|AND|OR|[-:.=!(), \"\\\\a-cxuU0-9é]){0,24}") {
        let _ = Filter::parse(&source);
    }

    #[test]
    fn not_inverts(filter in filters(), attributes in prop::collection::hash_map("[a-c]", "[a-c]{0,2}", 0..3)) {
        let inverted = Filter::Not(Box::new(filter.clone()));
        prop_assert_ne!(filter.matches(&attributes), inverted.matches(&attributes));
    }
}

/// Choices of a writer, drawn in turn and then from the start again.
struct Choices<'a> {
    drawn: &'a [u8],
    next: usize,
}

impl Choices<'_> {
    fn below(&mut self, number: usize) -> usize {
        let byte = self.drawn[self.next % self.drawn.len()];
        self.next += 1;
        usize::from(byte) % number
    }

    fn space(&mut self) -> &'static str {
        ["", "", " ", "\t", "\r\n", "  "][self.below(6)]
    }

    fn gap(&mut self) -> &'static str {
        [" ", " ", "\n", "\t ", "  "][self.below(5)]
    }

    fn literal(&mut self, text: &str) -> String {
        let mut literal = "\"".to_owned();
        for c in text.chars() {
            let code = u32::from(c);
            let plain = !matches!(c, '"' | '\\');
            literal += &match self.below(6) {
                0 if code < 0x100 => format!("\\x{code:02X}"),
                1 if code < 0x100 => format!("\\{code:03o}"),
                2 => format!("\\u{code:04x}"),
                3 => format!("\\U{code:08x}"),
                _ if c == '\n' => "\\n".to_owned(),
                _ if plain => c.to_string(),
                _ => format!("\\{c}"),
            };
        }
        literal + "\""
    }

    fn key(&mut self, key: &str) -> String {
        let bare = key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
        if bare && self.below(3) > 0 {
            key.to_owned()
        } else {
            self.literal(key)
        }
    }

    /// `attributes.key`, with spaces where they may be.
    fn attribute(&mut self, key: &str, symbol: char) -> String {
        let (before, after) = (self.space(), self.space());
        format!("attributes{before}{symbol}{after}{}", self.key(key))
    }

    fn compared(&mut self, key: &str, operator: &str, value: &str) -> String {
        let (attribute, before, after) = (self.attribute(key, '.'), self.space(), self.space());
        format!(
            "{attribute}{before}{operator}{after}{}",
            self.literal(value)
        )
    }

    fn joined(&mut self, parts: &[Filter], word: &str) -> String {
        let mut text = String::new();
        for (n, part) in parts.iter().enumerate() {
            if n > 0 {
                text += &format!("{}{word}{}", self.gap(), self.gap());
            }
            text += &self.operand(part);
        }
        text
    }

    /// A filter where `NOT`, `AND` or `OR` stands beside it.
    fn operand(&mut self, filter: &Filter) -> String {
        let text = self.spelled(filter);
        if matches!(filter, Filter::All(_) | Filter::Any(_)) || self.below(4) == 0 {
            format!("({}{text}{})", self.space(), self.space())
        } else {
            text
        }
    }

    /// Some text that means this filter.
    fn spelled(&mut self, filter: &Filter) -> String {
        match filter {
            Filter::Has(key) => self.attribute(key, ':'),
            Filter::Equals(key, value) => self.compared(key, "=", value),
            Filter::HasPrefix(key, prefix) => {
                let (attribute, prefix) = (self.attribute(key, '.'), self.literal(prefix));
                let spaces = [(); 4].map(|()| self.space());
                let [a, b, c, d] = spaces;
                format!("hasPrefix{a}({b}{attribute}{c},{d}{prefix})")
            }
            Filter::Not(inner) => match &**inner {
                Filter::Equals(key, value) if self.below(2) == 0 => self.compared(key, "!=", value),
                inner if self.below(2) == 0 => format!("-{}{}", self.space(), self.operand(inner)),
                inner => format!("NOT{}{}", self.gap(), self.operand(inner)),
            },
            Filter::All(parts) => self.joined(parts, "AND"),
            Filter::Any(parts) => self.joined(parts, "OR"),
        }
    }
}

fn spelled(filter: &Filter, drawn: &[u8]) -> String {
    let mut choices = Choices { drawn, next: 0 };
    let (before, after) = (choices.space(), choices.space());
    format!("{before}{}{after}", choices.spelled(filter))
}

/// What the documentation says of each form, put as plainly as it can be.
fn naively(filter: &Filter, attributes: &[(String, String)]) -> bool {
    let of = |wanted: &str| attributes.iter().find(|(key, _)| key == wanted);
    match filter {
        Filter::Has(key) => of(key).is_some(),
        Filter::Equals(key, value) => of(key).is_some_and(|(_, found)| found == value),
        Filter::HasPrefix(key, prefix) => {
            of(key).is_some_and(|(_, found)| found.get(..prefix.len()) == Some(prefix.as_str()))
        }
        Filter::Not(inner) => !naively(inner, attributes),
        Filter::All(parts) => parts.iter().filter(|f| !naively(f, attributes)).count() == 0,
        Filter::Any(parts) => parts.iter().filter(|f| naively(f, attributes)).count() > 0,
    }
}

/// Ways to spoil any filter.
fn spoiled(good: &str, way: usize) -> String {
    match way {
        0 => format!("{good} AND"),
        1 => format!("OR {good}"),
        2 => format!("({good}"),
        3 => format!("{good})"),
        4 => format!("{good} attributes:a"),
        5 => format!("{good} XOR attributes:a"),
        6 => format!("{good} \""),
        7 => good.replacen("attributes", "Attributes", 1),
        8 => format!("({good}) AND attributes:a OR attributes:b"),
        9 => format!("({good}) OR attributes:a AND attributes:b"),
        10 => format!("NOT ({good}) = \"x\""),
        11 => format!("{good} AND attributes.a = \"\\z\""),
        12 => format!("{good} AND attributes.a > \"b\""),
        13 => format!("{good} AND hasprefix(attributes.a, \"b\")"),
        14 => format!("{good} AND attributes.a = 'b'"),
        _ => format!("{good}{}", " ".repeat(257)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_spelling_of_a_filter_reads_as_the_filter(
        filter in filters(),
        drawn in prop::collection::vec(any::<u8>(), 1..60),
    ) {
        let source = spelled(&filter, &drawn);
        prop_assume!(source.len() <= 256);
        prop_assert_eq!(Filter::parse(&source), Ok(Some(filter)), "{}", source);
    }

    #[test]
    fn a_filter_selects_what_its_meaning_does(
        filter in filters_of("[ab]", "[ab]{0,2}"),
        attributes in prop::collection::hash_map("[ab]", "[ab]{0,2}", 0..3),
    ) {
        let list: Vec<_> = attributes.clone().into_iter().collect();
        prop_assert_eq!(filter.matches(&attributes), naively(&filter, &list));
    }

    #[test]
    fn a_spoiled_filter_is_refused(
        filter in filters(),
        drawn in prop::collection::vec(any::<u8>(), 1..60),
        way in 0usize..16,
    ) {
        let source = spoiled(&spelled(&filter, &drawn), way);
        let error = Filter::parse(&source);
        prop_assert!(error.is_err(), "{}: {:?}", source, error);
    }
}
