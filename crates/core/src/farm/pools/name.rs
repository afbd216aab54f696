//! Names of machines that are made.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use farm_model::id::{HostType, MachineName};

/// The longest name that Compute Engine and Kubernetes take (RFC 1035, RFC 1123: a label).
const LONGEST: usize = 63;
/// Before the digits, as the farm of 2019 marked what it had made.
const MARK: &str = "-rn";
const DIGITS: usize = 10;

/// The name of the `number`th machine that is ordered, at `now`. The moment is part of it, so that a farm that has lost its
/// database does not use names again.
pub(super) fn name(
    farm: &str,
    host: &HostType,
    number: u64,
    now: Timestamp,
) -> Option<MachineName> {
    let of = format!("{farm}\0{host}\0{number}\0{}", now.as_nanosecond());
    let digest = Sha256::digest(of);
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let name = format!("{}{MARK}{}", stem(host), digits.get(..DIGITS)?);
    name.parse().ok()
}

/// The host type, as far as clouds take it.
fn stem(host: &HostType) -> String {
    let host = host.as_str();
    let own = host.strip_prefix("host-").unwrap_or(host);
    let plain = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_alphanumeric() => c,
        _ => '-',
    };
    let mut stem: String = own.chars().map(plain).collect();
    if !stem.starts_with(|c: char| c.is_ascii_lowercase()) {
        stem.insert(0, 'm');
    }
    stem.truncate(LONGEST - MARK.len() - DIGITS);
    stem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_suits_every_cloud_and_is_never_used_again() {
        let long = "x".repeat(100);
        let now = Timestamp::UNIX_EPOCH;
        for host in ["host-linux-arm", "9front", "A.b_C-", "-", long.as_str()] {
            let host: HostType = host.parse().unwrap();
            let of = |number| name("farm", &host, number, now).unwrap();
            let text = of(1).to_string();
            assert!(text.len() <= LONGEST, "{text}");
            assert!(text.starts_with(|c: char| c.is_ascii_lowercase()), "{text}");
            assert!(text.ends_with(|c: char| c.is_ascii_hexdigit()), "{text}");
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(text.chars().all(plain), "{text}");
            assert_ne!(of(1), of(2));
        }
        let host = "host-linux-arm".parse().unwrap();
        let first = name("farm", &host, 1, now).unwrap().to_string();
        assert!(first.starts_with("linux-arm-rn"), "{first}");
        let later = name("farm", &host, 1, Timestamp::MAX).unwrap().to_string();
        assert_ne!(first, later);
    }
}
