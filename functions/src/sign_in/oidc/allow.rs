//! Whom we let in.

use std::str::FromStr;

use super::jwt::Claims;

/// `FARM_OIDC_ALLOW`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Allow(Vec<One>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum One {
    /// In lower case.
    Address(String),
    /// What follows the `@`, in lower case.
    Domain(String),
    Group(String),
}

/// Why a text says nothing of whom.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("FARM_OIDC_ALLOW: {0:?} is no address, no *@domain and no group:name")]
pub(super) struct AllowError(String);

impl FromStr for Allow {
    type Err = AllowError;

    fn from_str(text: &str) -> Result<Self, AllowError> {
        let words = text.split(|c: char| c == ',' || c.is_whitespace());
        let all = words.filter(|word| !word.is_empty()).map(one);
        all.collect::<Result<_, _>>().map(Self)
    }
}

fn one(word: &str) -> Result<One, AllowError> {
    let lower = word.to_lowercase();
    match (word.strip_prefix("group:"), lower.split_once('@')) {
        (Some(group), _) if !group.is_empty() => Ok(One::Group(group.to_owned())),
        (None, Some(("*", domain))) if !domain.is_empty() => Ok(One::Domain(domain.to_owned())),
        (None, Some((name, domain))) if !name.is_empty() && !domain.is_empty() => {
            Ok(One::Address(lower))
        }
        _ => Err(AllowError(word.to_owned())),
    }
}

impl Allow {
    /// Whether somebody of whom this is said may come in.
    pub(super) fn admits(&self, claims: &Claims) -> bool {
        let address = claims.address().map(str::to_lowercase);
        let domain = address
            .as_deref()
            .and_then(|address| address.rsplit_once('@'));
        self.0.iter().any(|one| match one {
            One::Address(wanted) => address.as_ref() == Some(wanted),
            One::Domain(wanted) => domain.is_some_and(|(_, domain)| domain == wanted),
            One::Group(wanted) => claims.groups.contains(wanted),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(email: &str, checked: bool, groups: &[&str]) -> Claims {
        serde_json::from_value(serde_json::json!({
            "iss": "https://id", "sub": "1", "aud": "farm", "exp": 1, "iat": 1, "nonce": "n",
            "email": email, "email_verified": checked, "groups": groups,
        }))
        .unwrap()
    }

    #[test]
    fn an_address_a_domain_or_a_group_lets_in() {
        let allow: Allow = "Ann@example.com, *@example.org\ngroup:Farmers"
            .parse()
            .unwrap();
        assert!(allow.admits(&claims("ann@Example.com", true, &[])));
        assert!(allow.admits(&claims("bob@example.org", true, &[])));
        assert!(allow.admits(&claims("bob@example.com", true, &["Farmers"])));
        for (email, groups) in [
            ("bob@example.com", &["farmers"][..]),
            ("ann@sub.example.org", &[]),
            ("ann@example.org@evil", &[]),
            ("", &[]),
        ] {
            assert!(!allow.admits(&claims(email, true, groups)), "{email}");
        }
    }

    #[test]
    fn an_address_that_nobody_has_checked_lets_nobody_in() {
        let allow: Allow = "ann@example.com *@example.com".parse().unwrap();
        assert!(!allow.admits(&claims("ann@example.com", false, &[])));
    }

    #[test]
    fn nobody_is_let_in_by_mistake() {
        for bad in ["example.org", "@example.org", "*@", "ann@", "group:", "*"] {
            assert!(bad.parse::<Allow>().is_err(), "{bad}");
        }
        let nobody: Allow = " , ".parse().unwrap();
        assert!(!nobody.admits(&claims("ann@example.com", true, &["a"])));
    }
}
