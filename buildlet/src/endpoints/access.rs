//! The password of direct mode (`buildlet.md` 3.2).

use base64::{Engine, engine::general_purpose::STANDARD};
use subtle::ConstantTimeEq;

use crate::http::Request;
use crate::machine::Machine;

impl Machine {
    /// Whether the request carries the password, if there is one. The user's name does not matter.
    pub(super) fn admits(&self, request: &Request) -> bool {
        if is_of_a_page(request) {
            return false;
        }
        let Some(password) = &self.password else {
            return true;
        };
        presented(request).is_some_and(|given| bool::from(given.ct_eq(password.as_bytes())))
    }
}

/// Sent by a web page: any page that a browser on this machine shows could run commands otherwise. No client of ours
/// sends these fields; an address typed by hand is `none`.
fn is_of_a_page(request: &Request) -> bool {
    let site = request.field("sec-fetch-site");
    request.field("origin").is_some() || site.is_some_and(|site| site != "none")
}

fn presented(request: &Request) -> Option<Vec<u8>> {
    let (scheme, encoded) = request.field("authorization")?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let at = decoded.iter().position(|&byte| byte == b':')?;
    Some(decoded[at + 1..].to_vec())
}
