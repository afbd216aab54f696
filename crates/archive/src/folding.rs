//! Names that some file systems take for one.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// Remembers names of one archive and finds two that differ in case alone. Where such names are one file, the second
/// would silently replace the first.
pub(crate) struct Folding {
    hasher: RandomState,
    /// Digest without regard to case → digest of the name itself.
    seen: HashMap<u64, u64>,
}

impl Folding {
    /// `None` where case makes a difference.
    pub fn of_this_system() -> Option<Self> {
        cfg!(any(target_os = "macos", target_os = "ios", windows)).then(Self::new)
    }

    fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            seen: HashMap::new(),
        }
    }

    /// Whether this name, or that of a directory above it, differs in case alone from one seen before.
    pub fn clashes(&mut self, parts: &[&[u8]]) -> bool {
        (1..=parts.len()).any(|length| {
            let name = String::from_utf8_lossy(&parts[..length].join(&b'/')).into_owned();
            let exact = self.hasher.hash_one(&name);
            let folded = self.hasher.hash_one(name.to_lowercase());
            *self.seen.entry(folded).or_insert(exact) != exact
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_case_alone_clash() {
        let mut folding = Folding::new();
        for new in [
            &[&b"a"[..], b"B"][..],
            &[b"a", b"B"],
            &[b"a"],
            &[b"a", b"c"],
        ] {
            assert!(!folding.clashes(new), "{new:?}");
        }
        for clash in [&[&b"a"[..], b"b"][..], &[b"A"], &[b"A", b"new"]] {
            assert!(folding.clashes(clash), "{clash:?}");
        }
    }

    #[test]
    fn case_makes_a_difference_on_linux_and_the_bsds() {
        assert_eq!(
            Folding::of_this_system().is_none(),
            cfg!(all(unix, not(target_vendor = "apple")))
        );
    }
}
