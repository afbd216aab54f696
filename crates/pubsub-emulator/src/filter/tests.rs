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
    let key = "[a-zA-Z0-9_./é\"\\\\-]{1,4}";
    let value = "[a-c \"\\\\\n]{0,3}";
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
