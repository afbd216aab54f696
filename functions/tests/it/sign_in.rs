//! Signing in with a token and at a provider, and what buttons of pages ask for then.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use farm_forge::token;
use farm_model::event::Topic;
use farm_model::message::command::{Ask, Command};
use farm_runtime::Clock;
use parking_lot::Mutex;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::harness::{Answer, Function, Queue, TOKEN_KEY};

const BUILD: &str = "3f2a0000000000000000000000000000";
const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn minted(subject: &str, at: &str) -> String {
    token::mint(TOKEN_KEY.as_bytes(), subject, at.parse().unwrap()).unwrap()
}

async fn form(function: &Function, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Answer {
    send(function, path, cookie, fields, &[]).await
}

async fn send(
    function: &Function,
    path: &str,
    cookie: &str,
    fields: &[(&str, &str)],
    headers: &[(&str, &str)],
) -> Answer {
    let mut url = reqwest::Url::parse("http://x/").unwrap();
    url.query_pairs_mut().extend_pairs(fields);
    let mut request = Request::post(path)
        .header("host", "farm")
        .header("cookie", cookie)
        .header("content-type", "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = Body::from(url.query().unwrap().to_owned());
    function.ask(request.body(body).unwrap()).await
}

async fn page(function: &Function, path: &str, cookie: &str) -> Answer {
    let request = Request::get(path).header("host", "farm");
    let request = request.header("cookie", cookie);
    function.ask(request.body(Body::empty()).unwrap()).await
}

/// What a browser sends back.
fn kept(answer: &Answer) -> String {
    let set = answer.header("set-cookie");
    set.split(';').next().unwrap().to_owned()
}

/// The token of the page's form.
fn csrf(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"csrf\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_token_makes_a_session_that_can_be_ended() {
    let function = Function::start("sign-in", None);
    let asked = page(&function, "/sign-in?back=%2Fbuild%2Fx", "").await;
    assert!(asked.of(200).contains("value=\"/build/x\""));
    assert!(
        asked
            .header("content-security-policy")
            .contains("form-action 'self'")
    );
    let token = minted("gopher", "2999-01-01T00:00:00Z");
    let fields = [("token", token.as_str()), ("back", "/build/x?a=b")];
    let answer = form(&function, "/sign-in", "", &fields).await;
    answer.of_any(303);
    assert_eq!(answer.header("location"), "/build/x?a=b");
    assert!(
        answer
            .header("set-cookie")
            .contains("HttpOnly; SameSite=Lax")
    );
    let cookie = kept(&answer);
    let there = page(&function, "/sign-in", &cookie).await;
    assert!(there.of(200).contains("signed in as <b>gopher</b>"));
    form(&function, "/sign-out", &cookie, &[("csrf", "x")])
        .await
        .of_any(403);
    let csrf = csrf(there.text());
    let answer = form(&function, "/sign-out", &cookie, &[("csrf", &csrf)]).await;
    answer.of_any(303);
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
}

#[tokio::test]
async fn what_is_no_good_token_signs_nobody_in_and_is_not_echoed() {
    let function = Function::start("sign-in", None);
    let old = minted("gopher", "2000-01-01T00:00:00Z");
    for token in [old.as_str(), "farm1.<script>.00"] {
        let fields = [("token", token), ("back", "//evil")];
        let answer = form(&function, "/sign-in", "", &fields).await;
        assert!(!answer.of(401).contains(token));
        assert!(answer.text().contains("name=\"back\" value=\"/\""));
        assert_eq!(answer.header("set-cookie"), "");
    }
    let good = minted("gopher", "2999-01-01T00:00:00Z");
    let elsewhere = [("sec-fetch-site", "cross-site")];
    let fields = [("token", good.as_str())];
    let answer = send(&function, "/sign-in", "", &fields, &elsewhere).await;
    answer.of(403);
    assert_eq!(answer.header("set-cookie"), "");
}

#[tokio::test]
async fn a_button_asks_in_the_name_of_who_is_signed_in() {
    let (queue, mut listener) = Queue::with(Topic::Commands).await;
    let function = Function::start("all", Some(&queue));
    let cookie = format!("farm-session={}", minted("gopher", "2999-01-01T00:00:00Z"));
    let csrf = csrf(page(&function, "/sign-in", &cookie).await.of(200));
    let mut asked = Vec::new();
    for fields in [
        vec![("build", BUILD), ("do", "retry"), ("back", "/build/3f2a")],
        vec![("build", BUILD), ("do", "cancel")],
        vec![("builder", "pi"), ("commit", A), ("do", "retry")],
    ] {
        let fields = [fields, vec![("csrf", csrf.as_str())]].concat();
        let answer = form(&function, "/retry", &cookie, &fields).await;
        answer.of_any(303);
        asked.push(answer.header("location").to_owned());
        let command: Command = listener.message().await;
        assert_eq!(command.actor, "user:gopher");
        asked.push(serde_json::to_string(&command.ask).unwrap());
    }
    let clear = Ask::Clear {
        builder: "pi".parse().unwrap(),
        commit: A.parse().unwrap(),
    };
    assert_eq!(
        asked,
        [
            "/build/3f2a".to_owned(),
            format!(r#"{{"do":"retry","build":"{BUILD}"}}"#),
            "/".to_owned(),
            format!(r#"{{"do":"cancel","build":"{BUILD}"}}"#),
            "/".to_owned(),
            serde_json::to_string(&clear).unwrap(),
        ]
    );
}

#[tokio::test]
async fn a_button_that_somebody_else_pressed_asks_for_nothing() {
    let (queue, mut listener) = Queue::with(Topic::Commands).await;
    let function = Function::start("all", Some(&queue));
    let cookie = format!("farm-session={}", minted("gopher", "2999-01-01T00:00:00Z"));
    let csrf = csrf(page(&function, "/sign-in", &cookie).await.of(200));
    let fields = [("build", BUILD), ("do", "retry"), ("csrf", &csrf)];
    // Nobody is signed in: the page says where that can be done, and nothing is done.
    let answer = form(&function, "/retry", "", &fields).await;
    assert!(answer.of(401).contains("/sign-in?back="));
    for (headers, csrf) in [
        (&[("origin", "https://evil")][..], csrf.as_str()),
        (&[("sec-fetch-site", "same-site")], &csrf),
        (&[], "stale"),
    ] {
        let fields = [("build", BUILD), ("do", "retry"), ("csrf", csrf)];
        let answer = send(&function, "/retry", &cookie, &fields, headers).await;
        assert!(answer.of(403).contains("<h1>Nothing was asked for</h1>"));
    }
    for wrong in [
        [("build", "<b>"), ("do", "retry")],
        [("build", BUILD), ("do", "drop")],
        [("builder", "pi"), ("do", "cancel")],
    ] {
        let fields = [&wrong[..], &[("csrf", &csrf)]].concat();
        let answer = form(&function, "/retry", &cookie, &fields).await;
        assert!(!answer.of(400).contains("<b>"), "{}", answer.text());
    }
    listener.has_nothing().await;
}

/// A provider of ours: it says of everybody what `claims` says.
struct Id {
    url: String,
    state: Arc<IdState>,
    _serving: JoinSet<()>,
}

struct IdState {
    url: String,
    key: EcdsaKeyPair,
    claims: Mutex<Value>,
    /// Of the code that is out: the challenge and the nonce that it was asked with.
    asked: Mutex<Option<(String, String)>>,
}

impl Id {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (kind, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        let state = Arc::new(IdState {
            url: url.clone(),
            key: EcdsaKeyPair::from_pkcs8(kind, pkcs8.as_ref(), &random).unwrap(),
            claims: Mutex::new(json!({ "email": "ann@example.com", "email_verified": true })),
            asked: Mutex::default(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/keys", get(keys))
            .route("/token", post(exchange))
            .with_state(Arc::clone(&state));
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            state,
            _serving: serving,
        }
    }

    fn farm(&self) -> Function {
        Function::start_with("sign-in", None, |vars| {
            vars.with("FARM_OIDC_ISSUER", &self.url)
                .with("FARM_OIDC_CLIENT_ID", "farm")
                .with("FARM_OIDC_CLIENT_SECRET", "s:cret")
                .with("FARM_OIDC_ALLOW", "*@example.com")
        })
    }

    /// What the person sees whom the farm sends here: the address that sends them back.
    fn consent(&self, address: &str) -> String {
        let url = reqwest::Url::parse(address).unwrap();
        let pair = |wanted: &str| {
            let mut pairs = url.query_pairs();
            let found = pairs.find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.into_owned()).unwrap()
        };
        assert_eq!(pair("redirect_uri"), "http://farm/sign-in/callback");
        assert_eq!(pair("code_challenge_method"), "S256");
        *self.state.asked.lock() = Some((pair("code_challenge"), pair("nonce")));
        format!("/sign-in/callback?code=c0de&state={}", pair("state"))
    }
}

async fn metadata(State(id): State<Arc<IdState>>) -> Json<Value> {
    let url = &id.url;
    Json(json!({
        "issuer": url, "authorization_endpoint": format!("{url}/authorize?tenant=1"),
        "token_endpoint": format!("{url}/token"), "jwks_uri": format!("{url}/keys"),
    }))
}

async fn keys(State(id): State<Arc<IdState>>) -> Json<Value> {
    let point = id.key.public_key().as_ref();
    let part = |range| URL_SAFE_NO_PAD.encode(&point[range]);
    Json(json!({ "keys": [
        { "kty": "EC", "kid": "1", "crv": "P-256", "x": part(1..33), "y": part(33..65) },
    ] }))
}

async fn exchange(
    State(id): State<Arc<IdState>>,
    headers: HeaderMap,
    Form(form): Form<std::collections::BTreeMap<String, String>>,
) -> axum::response::Response {
    let Some((challenge, nonce)) = id.asked.lock().take() else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    // `farm:s%3Acret`
    assert_eq!(headers["authorization"], "Basic ZmFybTpzJTNBY3JldA==");
    assert_eq!(form["code"], "c0de");
    let verifier = URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
    assert_eq!(verifier, challenge);
    let now = Clock::system().now().as_second();
    let mut claims = json!({
        "iss": id.url, "sub": "7", "aud": "farm", "exp": now + 60, "iat": now, "nonce": nonce,
    });
    let said = id.claims.lock().clone();
    for (name, value) in said.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = encode(json!({ "alg": "ES256", "kid": "1" }));
    let signed = format!("{header}.{}", encode(claims));
    let signature = id
        .key
        .sign(&SystemRandom::new(), signed.as_bytes())
        .unwrap();
    let signature = URL_SAFE_NO_PAD.encode(signature);
    Json(json!({ "id_token": format!("{signed}.{signature}"), "token_type": "Bearer" }))
        .into_response()
}

#[tokio::test]
async fn a_provider_says_who_that_is() {
    let id = Id::start().await;
    let function = id.farm();
    let begun = page(&function, "/sign-in?back=%2Fbuild%2Fx", "").await;
    begun.of_any(303);
    let address = begun.header("location");
    assert!(address.starts_with(&format!("{}/authorize?tenant=1&", id.url)));
    let callback = id.consent(address);
    let ended = page(&function, &callback, &kept(&begun)).await;
    ended.of_any(303);
    assert_eq!(ended.header("location"), "/build/x");
    let there = page(&function, "/sign-in", &kept(&ended)).await;
    assert!(there.of(200).contains("<b>ann@example.com</b>"));
    // The code is good once.
    let again = page(&function, &callback, &kept(&begun)).await;
    again.of(401);
    assert_eq!(again.header("set-cookie"), "");
}

#[tokio::test]
async fn an_answer_that_is_not_to_this_question_signs_nobody_in() {
    let id = Id::start().await;
    let function = id.farm();
    let begun = page(&function, "/sign-in", "").await;
    let callback = id.consent(begun.header("location"));
    let cookie = kept(&begun);
    let other = page(&function, "/sign-in", "").await;
    for (path, cookie, status) in [
        (callback.as_str(), String::new(), 400),
        (&callback, kept(&other), 400),
        (
            &format!("{callback}&iss=https://other"),
            cookie.clone(),
            401,
        ),
        (&callback.replace("code=", "error="), cookie, 401),
    ] {
        let answer = page(&function, path, &cookie).await;
        answer.of(status);
        assert_eq!(answer.header("set-cookie"), "", "{path}");
        assert!(!answer.text().contains("c0de"));
    }
    // Without a provider there is nothing to come back from.
    let none = Function::start("sign-in", None);
    page(&none, &callback, "").await.of(400);
}

#[tokio::test]
async fn who_is_not_meant_is_told_so() {
    for (claims, status) in [
        (
            json!({ "email": "eve@example.org", "email_verified": true }),
            403,
        ),
        (
            json!({ "email": "ann@example.com", "email_verified": false }),
            403,
        ),
        (json!({ "nonce": "another" }), 401),
        (json!({ "aud": "another" }), 401),
    ] {
        let id = Id::start().await;
        *id.state.claims.lock() = claims.clone();
        let function = id.farm();
        let begun = page(&function, "/sign-in", "").await;
        let callback = id.consent(begun.header("location"));
        let answer = page(&function, &callback, &kept(&begun)).await;
        assert_eq!(answer.status.as_u16(), status, "{claims}");
        assert_eq!(answer.header("set-cookie"), "", "{claims}");
    }
}

#[tokio::test]
async fn a_provider_that_is_away_is_not_the_persons_fault() {
    let id = Id::start().await;
    let function = id.farm();
    drop(id);
    page(&function, "/sign-in", "").await.of(502);
    let vars = farm_runtime::Vars::default()
        .with("FARM_TOKEN_KEY", TOKEN_KEY)
        .with("FARM_OIDC_ISSUER", "http://id.example.org");
    let error = functions::router("sign-in", &vars).unwrap_err();
    assert!(format!("{error:#}").contains("FARM_OIDC_CLIENT_ID is not set"));
}
