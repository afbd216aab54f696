//! Hours as they stand in keys: `2026-11-24T15`, UTC.

use farm_model::Timestamp;

/// The hour that holds `at`.
pub fn name(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H").to_string()
}

/// The start of the hour `name`.
pub fn start(name: &str) -> Option<Timestamp> {
    format!("{name}:00:00Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_named_by_its_start() {
        let at: Timestamp = "2026-11-24T15:59:59.999Z".parse().unwrap();
        assert_eq!(name(at), "2026-11-24T15");
        assert_eq!(
            start("2026-11-24T15"),
            Some("2026-11-24T15:00:00Z".parse().unwrap())
        );
        for bad in ["", "2026-11-24", "2026-11-24T15:00", "2026-11-24T25", "x"] {
            assert_eq!(start(bad), None, "{bad}");
        }
    }
}
