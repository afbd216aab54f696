use proptest::prelude::*;

use super::*;

const FACTS: Facts<'static> = Facts {
    repo: "net",
    branch: "master",
    go: "release-branch.go1.12",
    builder: "linux-amd64",
    is_try: true,
    test: "test:0_5",
};

fn holds(text: &str) -> bool {
    let policies = [("D".to_owned(), Rule::parse("repo != \"exp\"").unwrap())];
    Rule::parse(text)
        .unwrap()
        .holds(&FACTS, &policies.into_iter().collect())
}

#[test]
fn a_rule_says_what_it_reads_like() {
    for text in [
        "true",
        "try",
        "D",
        "D and try",
        "repo == \"net\"",
        "repo != \"go\"",
        "repo in [\"go\", \"net\",]",
        "repo not in [\"go\"]",
        "test like \"test:*\"",
        "test not like [\"cmd/*\", \"reboot\"]",
        "go is release and not branch is release",
        "go >= 1.12 and go <= 1.12 and go == 1.12 and go < 1.13 and go > 1.11 and go != 1.11",
        "branch > 1.999 and not branch <= 1.999",
        "branch == \"master\"",
        "repo == \"go\" and false or try",
        "repo == \"go\" or try and not false",
        "not (try and repo == \"go\")",
    ] {
        assert!(holds(text), "{text}");
        assert!(!holds(&format!("not ({text})")), "{text}");
    }
}

#[test]
fn a_branch_that_is_no_release_compares_with_nothing() {
    let facts = Facts {
        branch: "dev.link",
        ..FACTS
    };
    for sign in ["<", "<=", ">", ">=", "==", "!="] {
        let rule = Rule::parse(&format!("branch {sign} 1.12")).unwrap();
        assert!(!rule.holds(&facts, &Policies::new()), "{sign}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, at, message) in [
        (
            "",
            0,
            "a rule such as repo == \"go\" is missing: the rule ends",
        ),
        ("repo = \"go\"", 5, "= says nothing here: compare with =="),
        (
            "repo == go",
            8,
            "a text in double quotes, or a version is missing: go is there",
        ),
        ("repo == \"go", 8, "a text without its second quote"),
        (
            "repo >= 1.12",
            8,
            "only branch and go compare with a version, not repo",
        ),
        (
            "go >= \"1.12\"",
            6,
            "texts are compared with == or !=, versions are written without quotes",
        ),
        ("go >= 1.x", 6, "\"1.\" is not a version of Go: write 1.12"),
        (
            "repo is release",
            8,
            "only branch and go can be a release, not repo",
        ),
        ("(try or D", 9, ") is missing: the rule ends"),
        (
            "try D",
            4,
            "D after the rule's end: join rules with and, or",
        ),
        (
            "repo not \"go\"",
            9,
            "in or like is missing: \"go\" is there",
        ),
        (
            "repo in []",
            9,
            "a text in double quotes is missing: ] is there",
        ),
        (
            "try and",
            7,
            "a rule such as repo == \"go\" is missing: the rule ends",
        ),
        (
            "repo",
            4,
            "==, !=, <, <=, >, >=, in, like or is is missing: the rule ends",
        ),
        ("try & D", 4, "'&' means nothing in a rule"),
        (
            "and",
            0,
            "a rule such as repo == \"go\" is missing: and is there",
        ),
    ] {
        let error = Rule::parse(text).unwrap_err();
        assert_eq!((error.at, error.message.as_str()), (at, message), "{text}");
    }
}

#[test]
fn what_nobody_could_read_is_refused() {
    let deep = format!("{}try{}", "(".repeat(30), ")".repeat(30));
    assert_eq!(Rule::parse(&deep).unwrap_err().at, 20);
    let long = vec!["try"; 1000].join(" or ");
    assert!(Rule::parse(&long).is_err());
}

#[test]
fn a_name_is_no_word_of_the_language() {
    for (name, good) in [
        ("D+exp", true),
        ("only-go", true),
        ("and", false),
        ("repo", false),
        ("1st", false),
        ("a b", false),
        ("", false),
    ] {
        assert_eq!(parse::is_policy_name(name), good, "{name}");
    }
}

fn subject() -> impl Strategy<Value = Subject> {
    prop::sample::select(Subject::ALL.to_vec())
}

fn line() -> impl Strategy<Value = Subject> {
    prop::sample::select(vec![Subject::Branch, Subject::Go])
}

fn text() -> impl Strategy<Value = String> {
    "[a-zA-Zä0-9 .:*/()\\[\\]=-]{0,8}"
}

fn compare() -> impl Strategy<Value = Compare> {
    use Compare::{Above, AtLeast, AtMost, Below, Other, Same};
    prop::sample::select(vec![Same, Other, Below, AtMost, Above, AtLeast])
}

fn leaf() -> impl Strategy<Value = Rule> {
    let texts = || prop::collection::vec(text(), 1..4);
    prop_oneof![
        any::<bool>().prop_map(Rule::Always),
        Just(Rule::Try),
        prop::sample::select(vec!["D", "D+exp", "MM", "x_1"])
            .prop_map(|name| Rule::Policy(name.to_owned())),
        (subject(), any::<bool>(), text()).prop_map(|(subject, not, text)| Rule::Equal {
            subject,
            not,
            text
        }),
        (subject(), any::<bool>(), texts()).prop_map(|(subject, not, texts)| Rule::In {
            subject,
            not,
            texts
        }),
        (subject(), any::<bool>(), texts()).prop_map(|(subject, not, patterns)| Rule::Like {
            subject,
            not,
            patterns
        }),
        (line(), compare(), 1..=999u16, 0..=999u16).prop_map(|(subject, compare, major, minor)| {
            Rule::Version {
                subject,
                compare,
                version: GoVersion { major, minor },
            }
        }),
        line().prop_map(|subject| Rule::Release { subject }),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    leaf().prop_recursive(4, 16, 3, |inner| {
        let several = || prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            inner.clone().prop_map(|rule| Rule::Not(Box::new(rule))),
            several().prop_map(Rule::All),
            several().prop_map(Rule::Any),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(rule in rule()) {
        prop_assert_eq!(Rule::parse(&rule.to_string()), Ok(rule));
    }

    #[test]
    fn no_text_is_too_much_for_the_parser(text in "\\PC{0,60}") {
        if let Err(error) = Rule::parse(&text) {
            prop_assert!(error.at <= text.len());
        }
    }
}
