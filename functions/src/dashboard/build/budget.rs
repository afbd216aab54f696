//! Where the time of the newest run went, against what its class is promised (design 11).

use farm_model::view::{Budget, Span};

use super::attempt::seconds;

/// The budget as a bar of a thousand parts, and in words.
pub(super) struct BudgetPart {
    /// `Of the class tip: 1 min 20 s of 5 min 0 s.`
    pub(super) text: String,
    /// Which span made it late.
    pub(super) late: Option<&'static str>,
    pub(super) spans: Vec<SpanPart>,
    /// Where the objective lies.
    pub(super) objective: Option<u32>,
}

pub(super) struct SpanPart {
    /// `queue`, for its class.
    pub(super) name: &'static str,
    /// What it was spent on.
    pub(super) label: &'static str,
    pub(super) took: String,
    pub(super) percent: String,
    /// Where it begins.
    pub(super) from: u32,
    pub(super) width: u32,
}

impl BudgetPart {
    pub(super) fn of(budget: &Budget) -> Self {
        let total: f64 = budget.spent.iter().map(|spent| spent.seconds).sum();
        let objective = budget.objective_seconds;
        let all = total.max(objective.unwrap_or(0.0)).max(f64::MIN_POSITIVE);
        let at = |seconds: f64| (1000.0 * seconds / all).round() as u32;
        let mut before = 0.0;
        let spans = budget.spent.iter().map(|spent| {
            let from = at(before);
            before += spent.seconds;
            SpanPart {
                name: spent.span.as_str(),
                label: label(spent.span),
                took: seconds(spent.seconds),
                percent: format!(
                    "{:.0} %",
                    100.0 * spent.seconds / total.max(f64::MIN_POSITIVE)
                ),
                from,
                width: at(before) - from,
            }
        });
        Self {
            spans: spans.collect(),
            text: said(&budget.class, total, objective),
            late: budget.late.map(label),
            // So that its mark is seen.
            objective: objective.map(|objective| at(objective).min(996)),
        }
    }
}

fn said(class: &str, total: f64, objective: Option<f64>) -> String {
    let total_text = seconds(total);
    match objective {
        None => format!("{total_text} so far; nothing is promised to builds of the class {class}."),
        Some(objective) if total <= objective => format!(
            "{total_text} of the {} that builds of the class {class} may take.",
            seconds(objective)
        ),
        Some(objective) => format!(
            "{total_text}: {} more than the {} that builds of the class {class} may take.",
            seconds(total - objective),
            seconds(objective)
        ),
    }
}

fn label(span: Span) -> &'static str {
    match span {
        Span::Queue => "waiting for a machine",
        Span::Offer => "until the machine took it",
        Span::Work => "work",
        Span::Lost => "lost attempts",
    }
}

#[cfg(test)]
mod tests {
    use farm_model::view::Spent;

    use super::*;

    fn budget(objective_seconds: Option<f64>) -> BudgetPart {
        let spent = [(Span::Queue, 30.0), (Span::Offer, 0.5), (Span::Work, 69.5)];
        let spent = spent.map(|(span, seconds)| Spent { span, seconds });
        BudgetPart::of(&Budget {
            class: "tip".to_owned(),
            objective_seconds,
            spent: spent.to_vec(),
            late: Some(Span::Queue),
        })
    }

    #[test]
    fn spans_lie_one_after_the_other_on_a_bar_that_has_room_for_the_objective() {
        let places = |part: &BudgetPart| -> Vec<(u32, u32)> {
            part.spans
                .iter()
                .map(|span| (span.from, span.width))
                .collect()
        };
        let late = budget(Some(50.0));
        assert_eq!(places(&late), [(0, 300), (300, 5), (305, 695)]);
        assert_eq!(late.objective, Some(500));
        assert!(
            late.text.contains("50 s more than the 50 s"),
            "{}",
            late.text
        );
        assert_eq!(late.late, Some("waiting for a machine"));
        let good = budget(Some(200.0));
        assert_eq!(places(&good), [(0, 150), (150, 3), (153, 347)]);
        assert!(
            good.text.starts_with("1 min 40 s of the 3 min 20 s"),
            "{}",
            good.text
        );
        assert!(budget(None).text.contains("nothing is promised"));
    }

    #[test]
    fn a_budget_of_nothing_is_drawn_all_the_same() {
        let part = BudgetPart::of(&Budget {
            class: "try".to_owned(),
            objective_seconds: None,
            spent: Vec::new(),
            late: None,
        });
        assert!(part.spans.is_empty());
    }
}
