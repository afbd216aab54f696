//! URLs, which may carry secrets.

use ureq::http::Uri;

use super::FetchError;

/// An absolute `http` or `https` URL.
pub(super) fn parse(url: &str) -> Result<Uri, FetchError> {
    let uri: Uri = url.trim().parse().map_err(|_| FetchError::BadUrl)?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    let named = uri.host().is_some_and(|host| !host.is_empty());
    if known && named {
        Ok(uri)
    } else {
        Err(FetchError::BadUrl)
    }
}

/// The URL as it may be shown: a signed URL's token is in its query, a password before its host.
#[must_use]
pub fn shown(url: &str) -> String {
    let (bare, mark) = match url.find(['?', '#']) {
        Some(at) => (&url[..at], "?…"),
        None => (url, ""),
    };
    let bare = match bare.split_once("://") {
        Some((scheme, rest)) => {
            let authority = rest.split('/').next().unwrap_or_default();
            let at = authority.rfind('@').map_or(0, |at| at + 1);
            format!("{scheme}://{}", &rest[at..])
        }
        None => bare.to_owned(),
    };
    format!("{bare}{mark}").replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_a_url_are_not_shown() {
        for (url, as_shown) in [
            ("http://a.example/b.tar.gz", "http://a.example/b.tar.gz"),
            ("https://a/b?token=secret", "https://a/b?…"),
            ("https://me:secret@a/b@c", "https://a/b@c"),
            ("https://a/b#secret", "https://a/b?…"),
            ("a\nb", "a\u{fffd}b"),
        ] {
            assert_eq!(shown(url), as_shown);
        }
    }

    #[test]
    fn only_whole_web_addresses_are_fetched() {
        for good in ["http://a/b", "https://a:8443/b?c=d", " http://[::1]/ "] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/b",
            "ftp://a/b",
            "file:///etc/passwd",
            "http://",
            "a b",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
