//! Durations and sizes as people write them: `90s`, `10m`, `2h`; `512KiB`, `16MiB`.

/// Why a text is not a duration or size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {kind}: write {example}")]
pub struct DurationError {
    text: String,
    kind: &'static str,
    example: &'static str,
}

/// Whole seconds of a text such as `90s`, `10m` or `2h`.
///
/// # Errors
/// Another form, or more than fits.
pub fn parse_seconds(text: &str) -> Result<u64, DurationError> {
    scaled(text, &[("s", 1), ("m", 60), ("h", 3600)]).ok_or_else(|| DurationError {
        text: text.to_owned(),
        kind: "duration",
        example: "a number and s, m or h, as in 90s",
    })
}

/// Bytes of a text such as `512KiB` or `16MiB`.
///
/// # Errors
/// Another form, or more than fits.
pub fn parse_bytes(text: &str) -> Result<u64, DurationError> {
    scaled(
        text,
        &[
            ("KiB", 1 << 10),
            ("MiB", 1 << 20),
            ("GiB", 1 << 30),
            ("B", 1),
        ],
    )
    .ok_or_else(|| DurationError {
        text: text.to_owned(),
        kind: "size",
        example: "a number and KiB, MiB or GiB, as in 16MiB",
    })
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (number, scale) = units
        .iter()
        .find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, scale)))?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(*scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_have_units() {
        assert_eq!(parse_seconds("90s"), Ok(90));
        assert_eq!(parse_seconds("2h"), Ok(7200));
        assert_eq!(parse_bytes("16MiB"), Ok(16 << 20));
        for bad in ["", "10", "m", "-1s", "1.5h", "99999999999999999999h"] {
            assert!(parse_seconds(bad).is_err(), "{bad:?}");
        }
    }
}
