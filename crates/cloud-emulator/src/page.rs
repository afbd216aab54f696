//! Lists in parts.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A part of a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page<T> {
    /// In the list's order.
    pub(crate) items: Vec<T>,
    /// Names the rest, if there is one.
    pub(crate) next: Option<String>,
    /// How many there are behind this part.
    pub(crate) rest: usize,
}

/// At most `most` of `all`, which are in the order of their keys, after the one that `token` names. What came or went between
/// two parts disturbs neither. `None`: no such token.
pub(crate) fn page<T>(
    all: impl IntoIterator<Item = (String, T)>,
    most: usize,
    token: Option<&str>,
) -> Option<Page<T>> {
    let after = match token {
        None => None,
        Some(token) => Some(String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?),
    };
    let after = after.as_deref().unwrap_or_default();
    let mut left = all.into_iter().filter(|(key, _)| key.as_str() > after);
    let (mut items, mut last) = (Vec::new(), String::new());
    for (key, item) in left.by_ref().take(most) {
        items.push(item);
        last = key;
    }
    let rest = left.count();
    Some(Page {
        items,
        next: (rest > 0).then(|| URL_SAFE_NO_PAD.encode(last)),
        rest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(all: &[&str]) -> Vec<(String, usize)> {
        let each = all.iter().enumerate();
        each.map(|(index, name)| ((*name).to_owned(), index))
            .collect()
    }

    #[test]
    fn parts_follow_each_other_whatever_happens_between() {
        let first = page(names(&["a", "b", "c"]), 2, None).unwrap();
        assert_eq!((first.items, first.rest), (vec![0, 1], 1));
        // Meanwhile `b` went and `aa` came.
        let token = first.next.unwrap();
        let second = page(names(&["a", "aa", "c", "d"]), 2, Some(&token)).unwrap();
        assert_eq!((second.items, second.next), (vec![2, 3], None));
    }

    #[test]
    fn a_made_up_token_is_none() {
        assert_eq!(page(names(&["a"]), 1, Some("?")), None);
    }
}
