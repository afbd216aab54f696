//! Quantities: `500m`, `2`, `1.5Gi`.
//!
//! Reference: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>; exponents are not read.

/// Suffixes with how many thousandths one is.
const SUFFIXES: [(&str, u128); 14] = [
    ("Ki", 1_000 << 10),
    ("Mi", 1_000 << 20),
    ("Gi", 1_000 << 30),
    ("Ti", 1_000 << 40),
    ("Pi", 1_000 << 50),
    ("Ei", 1_000 << 60),
    ("m", 1),
    ("k", 1_000_000),
    ("M", 1_000_000_000),
    ("G", 1_000_000_000_000),
    ("T", 1_000_000_000_000_000),
    ("P", 1_000_000_000_000_000_000),
    ("E", 1_000_000_000_000_000_000_000),
    ("", 1_000),
];
/// Digits behind the point that are read.
const DIGITS: usize = 9;

/// A quantity in thousandths, rounded up.
pub(super) fn thousandths(text: &str) -> Option<u128> {
    let (number, scale) = SUFFIXES
        .iter()
        .find_map(|(suffix, scale)| Some((text.strip_suffix(suffix)?, *scale)))?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.len() <= DIGITS && text.bytes().all(|b| b.is_ascii_digit());
    if number.is_empty() || !digits(part) || !whole.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let unit = 10_u128.pow(u32::try_from(part.len()).ok()?);
    let number = format!("{whole}{part}").parse::<u128>().ok()?;
    Some(number.checked_mul(scale)?.div_ceil(unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_they_are_written() {
        for (text, value) in [
            ("500m", 500),
            ("2", 2_000),
            ("1.5", 1_500),
            ("1Ki", 1_024_000),
            ("0.5Gi", 536_870_912_000),
            ("4k", 4_000_000),
        ] {
            assert_eq!(thousandths(text), Some(value), "{text}");
        }
        for text in ["", "x", "1x", "-1", "1.2.3", "m"] {
            assert_eq!(thousandths(text), None, "{text}");
        }
    }
}
