//! Where randomness comes from.

/// A handle on the system's secure random source.
#[derive(Debug, Clone)]
pub struct Ids(());

impl Ids {
    /// The system's source.
    #[must_use]
    pub fn system() -> Self {
        Self(())
    }

    /// `bytes` random bytes as lower-case hex.
    ///
    /// # Panics
    /// The system has no randomness to give: nothing safe can be done without it.
    #[must_use]
    pub fn hex(&self, bytes: usize) -> String {
        let mut random = vec![0; bytes];
        // Without randomness no key or token is safe: fail closed.
        if let Err(error) = getrandom::fill(&mut random) {
            panic!("the system gives no random bytes: {error}");
        }
        random.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// A random number from 0 to less than 1, in steps of 1/2³².
    #[must_use]
    pub fn fraction(&self) -> f64 {
        let digits = self.hex(4);
        let number = u32::from_str_radix(&digits, 16).unwrap_or_default();
        f64::from(number) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_length_asked_for_and_differ() {
        let ids = Ids::system();
        assert_eq!(ids.hex(16).len(), 32);
        assert_ne!(ids.hex(16), ids.hex(16));
        assert!((0..100).all(|_| (0.0..1.0).contains(&ids.fraction())));
        assert_ne!(ids.fraction(), ids.fraction());
    }
}
