//! Hours as they stand in keys: `2026-11-24T15`, UTC.

use std::time::Duration;

use farm_model::Timestamp;

/// The hour that holds `at`.
pub fn name(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H").to_string()
}

/// The start of the hour `name`.
pub fn start(name: &str) -> Option<Timestamp> {
    format!("{name}:00:00Z").parse().ok()
}

/// The last moment of the hour `name`.
pub fn end(name: &str) -> Option<Timestamp> {
    const LAST: Duration = Duration::from_nanos(3_600_000_000_000 - 1);
    start(name)?.checked_add(LAST).ok()
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
        let last: Timestamp = "2026-11-24T15:59:59.999999999Z".parse().unwrap();
        assert_eq!(end("2026-11-24T15"), Some(last));
        for bad in ["", "2026-11-24", "2026-11-24T15:00", "2026-11-24T25", "x"] {
            assert_eq!(start(bad), None, "{bad}");
        }
    }
}
