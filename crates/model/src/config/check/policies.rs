//! `[policies]`, and rules that call them.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::parse::{Findings, Table, did_you_mean};
use crate::config::rule::{Policies, Rule, is_policy_name};

/// Of a rule with all that it calls: whether it holds is asked of every build, and policies that call each other twice
/// are soon too many for anybody's life.
const MOST_PARTS: usize = 1000;

/// A rule and where it stands.
struct Placed {
    at: usize,
    text: String,
    rule: Rule,
}

/// The named rules. Those that are wrong are left out, after that was said.
pub(super) fn policies(root: &mut Table<'_>, findings: &mut Findings<'_>) -> Policies {
    let mut placed = BTreeMap::new();
    for (name, (at, text)) in root.map("policies", findings) {
        if !is_policy_name(&name) {
            findings.add(
                at,
                format!("{name:?} is no name of a policy: letters, digits, -, _, + and ., no word of the rules' own"),
            );
        }
        // A broken one has been told once: what calls it is not wrong too.
        let rule = parsed(at, &text, findings).unwrap_or(Rule::Always(false));
        placed.insert(name, Placed { at, text, rule });
    }
    let names: BTreeSet<String> = placed.keys().cloned().collect();
    for Placed { at, text, rule } in placed.values() {
        check_names(*at, text, rule, &names, findings);
    }
    for name in circles(&placed) {
        if let Some(circular) = placed.get_mut(&name) {
            findings.add(circular.at, format!("policy {name:?} calls itself"));
            // Whoever asks it from here on gets an end.
            circular.rule = Rule::Always(false);
        }
    }
    let mut policies = Policies::new();
    let names: Vec<String> = placed.keys().cloned().collect();
    for (name, Placed { rule, .. }) in &placed {
        policies.insert(name.clone(), rule.clone());
    }
    for name in names {
        let fits = policies[&name].is_within(MOST_PARTS, &policies);
        if let (false, Some(large)) = (fits, placed.get(&name)) {
            findings.add(large.at, too_large(&format!("policy {name:?}")));
            // What calls it is not too large for that.
            policies.insert(name, Rule::Always(false));
        }
    }
    policies
}

fn too_large(what: &str) -> String {
    format!(
        "{what} is too large: with all that it calls, as often as it calls it, it has more than {MOST_PARTS} parts"
    )
}

/// A rule about builds.
pub(super) fn rule(
    table: &mut Table<'_>,
    key: &'static str,
    policies: &Policies,
    findings: &mut Findings<'_>,
) -> Option<Rule> {
    let (at, text) = table.text(key, findings)?;
    let rule = checked(at, &text, policies, findings)?;
    if rule.asks_about_tests(policies) {
        let message = format!(
            "{key} of {} asks about test, but it is about whole builds",
            table.what
        );
        findings.add(at, message);
    }
    Some(rule)
}

/// A rule about tests.
pub(super) fn test_rule(
    table: &mut Table<'_>,
    key: &'static str,
    policies: &Policies,
    findings: &mut Findings<'_>,
) -> Option<Rule> {
    let (at, text) = table.text(key, findings)?;
    checked(at, &text, policies, findings)
}

fn checked(
    at: usize,
    text: &str,
    policies: &Policies,
    findings: &mut Findings<'_>,
) -> Option<Rule> {
    let rule = parsed(at, text, findings)?;
    let names = policies.keys().cloned().collect();
    check_names(at, text, &rule, &names, findings);
    if !rule.is_within(MOST_PARTS, policies) {
        findings.add(at, too_large(&format!("rule {text:?}")));
        return None;
    }
    Some(rule)
}

fn parsed(at: usize, text: &str, findings: &mut Findings<'_>) -> Option<Rule> {
    match Rule::parse(text) {
        Ok(rule) => Some(rule),
        Err(error) => {
            findings.add_inside(at, text, error.at, error.message);
            None
        }
    }
}

/// Every policy that a rule calls must exist.
fn check_names(
    at: usize,
    text: &str,
    rule: &Rule,
    known: &BTreeSet<String>,
    findings: &mut Findings<'_>,
) {
    for name in rule.names() {
        if !known.contains(name) {
            let message = format!("rule {text:?} calls {name:?}, which is not in [policies]");
            let suggestion = did_you_mean(name, known.iter().map(String::as_str));
            let add =
                format!("add {name} = \"…\" to [policies], or compare something: repo == {name:?}");
            findings.suggest(at, message, Some(suggestion.unwrap_or(add)));
        }
    }
}

/// Policies that call themselves, also through others.
fn circles(placed: &BTreeMap<String, Placed>) -> Vec<String> {
    let calls_itself = |name: &&String| {
        let mut reached = BTreeSet::new();
        let mut todo = vec![name.as_str()];
        while let Some(next) = todo.pop() {
            let called = placed.get(next).map(|of| of.rule.names());
            todo.extend(
                called
                    .unwrap_or_default()
                    .into_iter()
                    .filter(|name| reached.insert(*name)),
            );
        }
        reached.contains(name.as_str())
    };
    placed.keys().filter(calls_itself).cloned().collect()
}
