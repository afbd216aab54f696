//! Patterns of names: `*` matches any run of characters, also of slashes and also none.

/// Whether `name` as a whole fits `pattern`.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut name) = name.strip_prefix(head) else {
        return false;
    };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let Some(tail) = pieces.pop() else {
        return true;
    };
    for piece in pieces {
        // The first place is the best: it leaves most for those to come.
        let Some(at) = name.find(piece) else {
            return false;
        };
        name = &name[at + piece.len()..];
    }
    name.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_is_any_run_of_characters() {
        for (pattern, name, fits) in [
            ("main", "main", true),
            ("main", "main2", false),
            ("release-*", "release-1.2", true),
            ("release-*", "release-", true),
            ("release-*", "pre-release-1", false),
            ("*", "a/b", true),
            ("*/x", "a/b/x", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c", false),
            ("ab*ba", "aba", false),
            ("**", "", true),
            ("*ä*", "xäy", true),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }
}
