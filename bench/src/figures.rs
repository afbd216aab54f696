//! Figures with their spread.

use serde::Serialize;

/// Several measurements of one thing.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Spread {
    /// Half are below.
    pub median: f64,
    /// The lowest.
    pub min: f64,
    /// The highest.
    pub max: f64,
}

impl Spread {
    /// Of at least one value.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        Self {
            median: median(values),
            min: percentile(values, 0.0),
            max: percentile(values, 1.0),
        }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let places = if self.median < 10.0 { 2 } else { 0 };
        let Self { median, min, max } = self;
        write!(f, "{median:.places$} ({min:.places$} to {max:.places$})")
    }
}

/// The middle one, or between the two in the middle.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len() - 1;
    f64::midpoint(sorted[last / 2], sorted[last - last / 2])
}

/// The value below which a share of the others lies; of at least one value.
#[must_use]
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_lie_in_the_middle_and_percentiles_are_values() {
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]).median, 2.0);
        let spread = Spread::of(&[4.0, 1.0]);
        assert_eq!((spread.median, spread.min, spread.max), (2.5, 1.0, 4.0));
        let values: Vec<f64> = (0..=100).map(f64::from).collect();
        assert_eq!(
            (percentile(&values, 0.5), percentile(&values, 0.99)),
            (50.0, 99.0)
        );
    }
}
