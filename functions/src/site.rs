//! Where a request was sent, as the client sees it: the process itself may stand behind a proxy that ended TLS.

use axum::http::{HeaderMap, Uri, header};

/// Scheme and host of the farm's pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Site {
    https: bool,
    /// With its port, where that is not the scheme's own.
    host: String,
}

impl Site {
    /// Of a request. HTTP/2 names the host in the address; a proxy tells the scheme in `X-Forwarded-Proto`, of which the first
    /// is what the client used.
    pub(crate) fn of(headers: &HeaderMap, uri: &Uri) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let proto = text(header::HeaderName::from_static("x-forwarded-proto"));
        let first = proto.and_then(|all| all.split(',').next());
        let scheme = first.map(str::trim).or(uri.scheme_str());
        let host = text(header::HOST).or(uri.authority().map(|authority| authority.as_str()));
        Self {
            https: scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")),
            host: host.unwrap_or("localhost").to_owned(),
        }
    }

    /// Whether the client speaks TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.https
    }

    /// `https://farm.example.org`, without a slash at its end.
    pub(crate) fn origin(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        format!("{scheme}://{}", self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(headers: &[(&'static str, &str)], uri: &str) -> String {
        let headers = headers
            .iter()
            .map(|(name, value)| {
                (
                    header::HeaderName::from_static(name),
                    value.parse().unwrap(),
                )
            })
            .collect();
        Site::of(&headers, &uri.parse().unwrap()).origin()
    }

    #[test]
    fn a_proxy_that_ends_tls_says_so() {
        let host = ("host", "farm.example.org:8443");
        assert_eq!(origin(&[host], "/"), "http://farm.example.org:8443");
        let proxied = [host, ("x-forwarded-proto", "HTTPS, http")];
        assert_eq!(origin(&proxied, "/"), "https://farm.example.org:8443");
    }

    #[test]
    fn http_2_names_the_host_in_the_address() {
        assert_eq!(origin(&[], "https://farm.example/"), "https://farm.example");
    }
}
