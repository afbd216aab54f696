//! Mail.

use farm_model::message::result::{BuildersBroken, MachineBack, MachineMissing};
use farm_runtime::Vars;

use super::mail_server::MailServer;
use super::{Reporter, broken, event_of, mended, push};
use crate::sample::at;

fn start(port: u16, more: &[(&str, &str)]) -> Reporter {
    let url = format!("smtp://127.0.0.1:{port}?tls=none");
    let settings = [
        ("FARM_SMTP", url.as_str()),
        ("FARM_MAIL_FROM", "The farm <farm@farm.example>"),
        ("FARM_MAIL_TO", "team@example.org"),
    ];
    Reporter::start(&[&settings, more].concat())
}

#[tokio::test]
async fn the_team_and_the_author_get_a_letter_each_and_once() {
    let server = MailServer::start().await;
    let reporter = start(server.port, &[("FARM_MAIL_AUTHORS", "true")]);
    let event = broken(2, "net: dial twice");
    for _ in 0..3 {
        assert_eq!(reporter.push(&event).await, 204);
    }
    let mut letters = server.letters();
    letters.sort_by(|a, b| a.to.cmp(&b.to));
    let to: Vec<&str> = letters.iter().map(|letter| letter.to.as_str()).collect();
    assert_eq!(to, ["Ann@example.com", "team@example.org"]);
    let letter = &letters[1];
    assert_eq!(letter.from, "farm@farm.example");
    assert_eq!(
        letter.header("Subject"),
        "[farm] demo main: 2 builders broken by bbbbbbbb (net: dial twice)"
    );
    assert_eq!(letter.header("Auto-Submitted"), "auto-generated");
    assert_eq!(letter.header("Date"), "Thu, 25 Apr 2019 11:01:00 +0000");
    assert!(letter.header("Content-Type").starts_with("text/plain"));
    let id = letter.header("Message-ID");
    assert!(
        id.starts_with('<') && id.ends_with("@farm.example>"),
        "{id}"
    );
    assert_ne!(id, letters[0].header("Message-ID"));
    for part in [
        "linux-1: step test: exit status 1\n    https://farm.example/read/",
        "/1/steps/1\n",
        "https://farm.example/commits/bbbb",
        "?repo=demo\n",
        "    Ann <b>Example <Ann@example.com>\n",
        "The commit before, aaaaaaaa, was green there.",
    ] {
        assert!(letter.body.contains(part), "{part}: {}", letter.body);
    }
    assert_eq!(reporter.push(&mended()).await, 204);
    let letters = server.letters();
    assert_eq!(letters.len(), 2);
    assert_eq!(
        letters[0].header("Subject"),
        "[farm] demo main: 1 builder mended by cccccccc"
    );
}

#[tokio::test]
async fn what_strangers_write_begins_no_header() {
    let server = MailServer::start().await;
    let reporter = start(server.port, &[]);
    let subject = "x\r\nBcc: victim@example.org\r\n\r\nbuy things\u{7f}\n.\nMAIL FROM:<a@b>";
    let mut event = broken(1, subject);
    let mut message: BuildersBroken = event.decode().unwrap();
    message.branch = "main\r\nX-Evil: 1".to_owned();
    message.breakages[0].failure.reason = "a\n.\r\nb\r\n.\r\n".to_owned();
    event = event_of(&event.id, &message);
    assert_eq!(reporter.push(&event).await, 204);
    let letters = server.letters();
    assert_eq!(letters.len(), 1);
    let names: Vec<&str> = letters[0]
        .headers
        .iter()
        .map(|line| line.split(':').next().unwrap())
        .collect();
    let expected = [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
    ];
    assert_eq!(names, expected);
    assert_eq!(letters[0].to, "team@example.org");
}

#[tokio::test]
async fn an_author_whom_nobody_can_write_to_is_passed_over() {
    let server = MailServer::start().await;
    let reporter = start(server.port, &[("FARM_MAIL_AUTHORS", "true")]);
    let event = broken(1, "x");
    for author in [
        "",
        "Ann <>",
        "Ann <a@b@c>",
        "Ann <a\r\nRCPT TO:<x@y>>",
        "Team <TEAM@example.org>",
    ] {
        let mut message: BuildersBroken = event.decode().unwrap();
        message.breakages[0].author = author.to_owned();
        let event = event_of(&format!("broken:{author}"), &message);
        assert_eq!(reporter.push(&event).await, 204, "{author}");
        let to: Vec<String> = server
            .letters()
            .into_iter()
            .map(|letter| letter.to)
            .collect();
        assert_eq!(to.len(), 1, "{author}: {to:?}");
        assert_eq!(to[0].to_lowercase(), "team@example.org");
    }
}

#[tokio::test]
async fn a_mass_failure_is_one_short_letter() {
    let server = MailServer::start().await;
    let reporter = start(server.port, &[]);
    assert_eq!(reporter.push(&broken(90, "x")).await, 204);
    let letters = server.letters();
    assert_eq!(letters.len(), 1);
    assert!(
        letters[0]
            .header("Subject")
            .contains(": 90 builders broken by")
    );
    assert_eq!(
        letters[0].body.matches("step test: exit status 1").count(),
        90
    );
    assert!(!letters[0].body.contains("/read/"), "{}", letters[0].body);
}

#[tokio::test]
async fn owners_hear_of_their_machines_and_nobody_else_does() {
    let server = MailServer::start().await;
    let reporter = start(server.port, &[]);
    let missing = MachineMissing {
        machine: "pi".parse().unwrap(),
        host_type: "linux-arm".parse().unwrap(),
        owner: "gopher@example.org".to_owned(),
        hub: "h1".parse().unwrap(),
        since: at("10:00:00"),
    };
    let back = MachineBack {
        machine: missing.machine.clone(),
        host_type: missing.host_type.clone(),
        owner: missing.owner.clone(),
        hub: missing.hub.clone(),
        since: missing.since,
        at: at("11:00:00"),
    };
    assert_eq!(reporter.push(&event_of("missing:1", &missing)).await, 204);
    assert_eq!(reporter.push(&event_of("back:1", &back)).await, 204);
    let letters = server.letters();
    let told = letters
        .iter()
        .map(|of| (of.to.as_str(), of.header("Subject")));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ("gopher@example.org", "[farm] your machine pi is missing"),
            ("gopher@example.org", "[farm] your machine pi is back"),
        ]
    );
    assert!(
        letters[0].body.contains("since 2019-04-25 10:00 UTC"),
        "{}",
        letters[0].body
    );
}

#[tokio::test]
async fn while_the_server_is_down_mail_waits() {
    let port = MailServer::nobody().await;
    let reporter = start(port, &[]);
    let event = broken(1, "x");
    for _ in 0..2 {
        assert_eq!(reporter.push(&event).await, 503);
    }
    let server = MailServer::start_at(port).await;
    assert_eq!(reporter.push(&event).await, 204);
    assert_eq!(reporter.push(&event).await, 204);
    assert_eq!(server.letters().len(), 1);
}

#[tokio::test]
async fn two_instances_at_once_send_one_letter() {
    let server = MailServer::start().await;
    let reporter = start(server.port, &[]);
    let event = broken(1, "x");
    let others = [reporter.another(), reporter.another(), reporter.another()];
    let statuses = futures::future::join_all(others.map(|router| push(router, &event))).await;
    assert!(statuses.contains(&204), "{statuses:?}");
    assert_eq!(reporter.push(&event).await, 204);
    assert_eq!(server.letters().len(), 1);
}

#[tokio::test]
async fn a_passing_refusal_is_waited_for_and_a_lasting_one_is_not() {
    let server = MailServer::start().await;
    let reporter = start(server.port, &[]);
    let event = broken(1, "x");
    for (command, answer) in [
        ("RCPT", "451 greylisted"),
        ("MAIL", "421 too busy"),
        ("MAIL", "530 who are you?"),
        ("EHLO", "554 not you"),
    ] {
        server.spoil(command, answer);
        assert_eq!(reporter.push(&event).await, 503, "{answer}");
    }
    server.spoil("RCPT", "550 no such user");
    assert_eq!(reporter.push(&event).await, 204);
    server.mend();
    assert_eq!(reporter.push(&event).await, 204);
    assert_eq!(server.letters().len(), 0, "given up");
}

#[tokio::test]
async fn where_tls_is_required_nothing_is_said_in_plain_text() {
    let server = MailServer::start().await;
    let url = format!("smtp://gopher@127.0.0.1:{}", server.port);
    let reporter = start(
        server.port,
        &[("FARM_SMTP", &url), ("FARM_SMTP_PASSWORD", "s3cret")],
    );
    server.can("AUTH PLAIN");
    assert_eq!(reporter.push(&broken(1, "x")).await, 503);
    let said = server.said();
    assert!(
        said.iter()
            .all(|line| line.starts_with("EHLO") || line == "QUIT"),
        "{said:?}"
    );
}

#[tokio::test]
async fn a_user_proves_who_it_is() {
    let server = MailServer::start().await;
    server.can("AUTH PLAIN");
    let url = format!("smtp://gopher@127.0.0.1:{}?tls=none", server.port);
    let reporter = start(
        server.port,
        &[("FARM_SMTP", &url), ("FARM_SMTP_PASSWORD", "s3cret")],
    );
    server.spoil("AUTH", "535 wrong");
    assert_eq!(reporter.push(&broken(1, "x")).await, 503);
    server.mend();
    assert_eq!(reporter.push(&broken(1, "x")).await, 204);
    // \0gopher\0s3cret
    let expected = "AUTH PLAIN AGdvcGhlcgBzM2NyZXQ=";
    assert!(
        server.said().iter().any(|line| line == expected),
        "{:?}",
        server.said()
    );
}

#[test]
fn settings_that_make_no_sense_are_named() {
    let with = |name: &str, value: &str| {
        let vars = Vars::default()
            .with("FARM_BUCKET", "memory:")
            .with("FARM_SMTP", "smtp://localhost?tls=none")
            .with("FARM_MAIL_FROM", "farm@farm.example");
        functions::report::build(&vars.with(name, value))
    };
    assert!(with("FARM_MAIL_TO", "a@b.example c@d.example").is_ok());
    for (name, value) in [
        ("FARM_MAIL_FROM", "nobody"),
        ("FARM_MAIL_FROM", ""),
        ("FARM_MAIL_TO", "a@b.example, c"),
        ("FARM_MAIL_AUTHORS", "yes"),
        ("FARM_URL", "farm.example"),
        ("FARM_SMTP", "mail.example"),
    ] {
        let error = format!("{:#}", with(name, value).unwrap_err());
        assert!(error.starts_with(name), "{error}");
    }
}
