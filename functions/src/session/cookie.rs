//! Cookies that only we can read and only this host can set (RFC 6265bis).

use axum::http::{HeaderMap, header};

use crate::site::Site;

/// A cookie by its name; on https it goes by the name with a prefix that browsers take from this host alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cookie {
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
}

impl Cookie {
    /// Its value in a request.
    pub(crate) fn read<'a>(&self, headers: &'a HeaderMap, site: &Site) -> Option<&'a str> {
        let name = self.name(site);
        let lines = headers.get_all(header::COOKIE).into_iter();
        let pairs = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'));
        pairs
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(found, value)| (found == name).then_some(value))
    }

    /// Sets it for so many seconds.
    pub(crate) fn set(&self, value: &str, seconds: i64, site: &Site) -> String {
        let secure = if site.is_https() { "; Secure" } else { "" };
        format!(
            "{}={value}; Path={}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}",
            self.name(site),
            self.path
        )
    }

    /// Takes it away.
    pub(crate) fn clear(&self, site: &Site) -> String {
        self.set("", 0, site)
    }

    /// `__Host-` wants the path `/`, `__Secure-` any.
    fn name(&self, site: &Site) -> String {
        match (site.is_https(), self.path) {
            (false, _) => self.name.to_owned(),
            (true, "/") => format!("__Host-{}", self.name),
            (true, _) => format!("__Secure-{}", self.name),
        }
    }
}
