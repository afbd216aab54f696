use axum::http::{HeaderName, HeaderValue};

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        )
    };
    pairs.iter().map(pair).collect()
}

fn site(https: bool) -> Site {
    let proto = if https { "https" } else { "http" };
    let headers = headers(&[("host", "farm"), ("x-forwarded-proto", proto)]);
    Site::of(&headers, &"/".parse().unwrap())
}

fn sessions() -> Sessions {
    Sessions::new("key".to_owned())
}

/// What a browser sends back of a `Set-Cookie`.
fn sent(set: &str) -> HeaderMap {
    let pair = set.split(';').next().unwrap();
    headers(&[("cookie", &format!("other=1; {pair}"))])
}

#[test]
fn a_cookie_says_who_is_signed_in_until_it_ends() {
    for https in [false, true] {
        let site = site(https);
        let set = sessions()
            .begin("gopher", at(1_000_000), &site, at(100))
            .unwrap();
        assert!(set.contains("; HttpOnly; SameSite=Lax"), "{set}");
        assert_eq!(set.ends_with("; Secure"), https, "{set}");
        assert_eq!(set.starts_with("__Host-"), https, "{set}");
        let sent = sent(&set);
        let who = sessions().signed_in(&sent, &site, at(200)).unwrap();
        assert_eq!(who.actor(), "user:gopher");
        let end = at(100) + LASTS;
        assert_eq!(sessions().signed_in(&sent, &site, end), None);
        let other = Sessions::new("other".to_owned());
        assert_eq!(other.signed_in(&sent, &site, at(200)), None);
    }
}

#[test]
fn on_https_a_cookie_that_another_host_could_have_set_is_nobodys() {
    let set = sessions()
        .begin("gopher", at(1000), &site(false), at(100))
        .unwrap();
    let found = sessions().signed_in(&sent(&set), &site(true), at(200));
    assert_eq!(found, None);
}

#[test]
fn a_session_ends_no_later_than_the_token_it_was_made_with() {
    let set = sessions()
        .begin("gopher", at(160), &site(false), at(100))
        .unwrap();
    assert!(set.contains("Max-Age=60;"), "{set}");
    let sent = sent(&set);
    assert_eq!(
        sessions().signed_in(&sent, &site(false), at(160)),
        None,
        "the token has expired"
    );
}

#[test]
fn a_form_counts_with_its_sessions_token_from_a_page_of_ours() {
    let site = site(false);
    let who = |subject: &str| {
        let set = sessions().begin(subject, at(1000), &site, at(100)).unwrap();
        sessions().signed_in(&sent(&set), &site, at(200)).unwrap()
    };
    let (gopher, other) = (who("gopher"), who("other"));
    let check = |pairs: &[(&'static str, &str)], csrf: &str| {
        sessions().check(&gopher, &headers(pairs), &site, csrf)
    };
    assert_eq!(check(&[], &gopher.csrf), Ok(()));
    let same = [("origin", "http://farm"), ("sec-fetch-site", "same-origin")];
    assert_eq!(check(&same, &gopher.csrf), Ok(()));
    for elsewhere in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "http://evil"),
        ("origin", "https://farm"),
        ("origin", "null"),
    ] {
        let answer = check(&[elsewhere], &gopher.csrf);
        assert_eq!(answer, Err(NotOurs::Elsewhere), "{elsewhere:?}");
    }
    for stale in ["", "x", &other.csrf] {
        assert_eq!(check(&[], stale), Err(NotOurs::Stale));
    }
}

#[test]
fn what_a_page_carries_signs_nobody_in() {
    let site = site(false);
    let set = sessions()
        .begin("gopher", at(1000), &site, at(100))
        .unwrap();
    let who = sessions().signed_in(&sent(&set), &site, at(200)).unwrap();
    let forged = sent(&SESSION.set(&who.csrf, 10, &site));
    assert_eq!(sessions().signed_in(&forged, &site, at(200)), None);
}

#[test]
fn the_way_back_stays_here() {
    assert_eq!(back(Some("/build/3f2a?at=x")), "/build/3f2a?at=x");
    for bad in [
        "",
        "//evil",
        "https://evil",
        "/\\evil",
        "/\t/evil",
        "/a\r\nSet-Cookie: x",
    ] {
        assert_eq!(back(Some(bad)), "/", "{bad:?}");
    }
    assert_eq!(back(None), "/");
}
