//! A suggestion as text.

use super::kind::Plan;

/// `farm.toml` with these builders. All texts are ours or names, so none needs escapes.
pub fn farm_toml(name: &str, plans: &[Plan]) -> String {
    let builders: String = plans.iter().map(builder).collect();
    let names: Vec<String> = plans
        .iter()
        .map(|plan| format!("\"{}\"", plan.builder))
        .collect();
    let names = names.join(", ");
    format!(
        r#"# What is built, how, and where. `farm check` validates this file; `farm up --repo .` builds what it says.
name = "{name}"

# A kind of machine. `farm up` starts some of each kind on this computer.
[hosts.local]
description = "this computer"
clean = "wipe" # empties the work dir between builds; "none" keeps what lies beside the source
{builders}
[repositories.{name}]
builders = [{names}]
"#
    )
}

fn builder(plan: &Plan) -> String {
    let steps: String = plan
        .steps
        .iter()
        .map(|(name, run)| format!("    {{ name = \"{name}\", run = \"{run}\" }},\n"))
        .collect();
    let notes: String = plan
        .notes
        .iter()
        .map(|note| format!("    # {note}\n"))
        .collect();
    format!(
        r#"
# {because}
[builders.{builder}]
host = "local"
description = "{description}"
timeout = "30m"
steps = [
{steps}{notes}]
"#,
        because = plan.because,
        builder = plan.builder,
        description = plan.description,
    )
}
