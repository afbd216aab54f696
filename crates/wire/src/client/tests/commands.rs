use super::*;
use crate::client::{Exec, RemoteError, TransportError};

const BEGUN: &str =
    "HTTP/1.1 200 OK\r\nTrailer: Process-State\r\nTransfer-Encoding: chunked\r\n\r\n";

fn ended(output: &str, state: &str) -> String {
    let chunk = if output.is_empty() {
        String::new()
    } else {
        format!("{:x}\r\n{output}\r\n", output.len())
    };
    format!("{BEGUN}{chunk}0\r\nProcess-State: {state}\r\n\r\n")
}

async fn run(
    fake: &Fake,
    answer: String,
) -> (Result<Result<(), RemoteError>, TransportError>, String) {
    let client = fake.client();
    let mut output = Vec::new();
    let command = Exec::new("a.sh", MINUTE);
    let serve = async { drop(fake.serve(answer).await) };
    let ((), ended) = tokio::join!(serve, client.exec(&command, &mut output));
    let broken = !matches!(
        ended,
        Ok(_) | Err(TransportError::Status { status: ..500, .. })
    );
    assert_eq!(client.is_broken(), broken, "{ended:?}");
    (ended, String::from_utf8(output).unwrap())
}

#[tokio::test]
async fn a_command_is_a_form_in_alphabetic_order_and_asks_for_no_trailers() {
    let fake = Fake::new();
    let client = fake.client();
    let mut command = Exec::new("/bin/a b", MINUTE);
    command.args = vec!["x=1".into(), "".into()];
    command.dir = "d".into();
    command.env = vec!["A=1".into(), "B=2".into()];
    command.path = Some(vec!["$WORKDIR/go/bin".into(), "$PATH".into()]);
    command.system_level = true;
    command.debug = true;
    let (served, running) = tokio::join!(fake.serve(BEGUN), client.start(&command));
    let (_, head, body) = served;
    let body = String::from_utf8(body).unwrap();
    assert_eq!(
        body,
        "cmd=%2Fbin%2Fa%20b&cmdArg=x%3D1&cmdArg=&debug=true&dir=d&env=A%3D1&env=B%3D2&mode=sys\
         &path=%24WORKDIR%2Fgo%2Fbin&path=%24PATH"
    );
    let mut fields: Vec<_> = head.split(" | ").collect();
    fields[1..].sort_unstable();
    let length = format!("Content-Length: {}", body.len());
    let form = "Content-Type: application/x-www-form-urlencoded";
    assert_eq!(
        fields,
        [
            "POST /exec HTTP/1.1",
            &length,
            form,
            "Host: b1",
            "User-Agent: farmhand"
        ]
    );
    drop(running.unwrap());
}

#[tokio::test]
async fn a_command_has_started_right_after_the_200() {
    let fake = Fake::new();
    let client = fake.client();
    let command = Exec::new("a.sh", MINUTE);
    let (served, running) = tokio::join!(fake.serve(BEGUN), client.start(&command));
    let (mut accepted, mut running) = (served.0, running.unwrap());
    accepted
        .say("2\r\nhi\r\n0\r\nProcess-State: ok\r\n\r\n")
        .await;
    assert_eq!(running.next().await.unwrap().unwrap(), "hi");
    assert_eq!(running.next().await.unwrap(), None);
    assert_eq!(running.finish().unwrap(), Ok(()));
    // The connection is free for the next request.
    let again = async {
        accepted.request().await;
        accepted.say(ok("/w")).await;
    };
    let ((), dir) = tokio::join!(again, client.work_dir());
    assert_eq!(dir.unwrap(), "/w");
}

#[tokio::test]
async fn what_the_trailer_says_is_the_commands_own_error() {
    let fake = Fake::new();
    assert_eq!(run(&fake, ended("", "ok")).await.0.unwrap(), Ok(()));
    let gone = "fork/exec /workdir/gone.sh: no such file or directory";
    for state in ["exit status 3", "signal: killed", "exit status 0", gone] {
        let (end, output) = run(&fake, ended("bar x\n", state)).await;
        assert_eq!(end.unwrap(), Err(RemoteError(state.to_owned())));
        assert_eq!(output, "bar x\n");
    }
}

#[tokio::test]
async fn without_a_trailer_nothing_is_known() {
    let fake = Fake::new();
    let (end, _) = run(&fake, format!("{BEGUN}2\r\nhi\r\n0\r\n\r\n")).await;
    assert!(matches!(end, Err(TransportError::NoTrailer)), "{end:?}");
}

#[tokio::test]
async fn output_that_is_cut_is_an_error_whatever_came() {
    let fake = Fake::new();
    for cut in [
        "",
        "2\r\nhi\r\n",
        "8\r\nhi",
        "2\r\nhi\r\n0\r\nProcess-State: ok\r\n",
    ] {
        let (end, _) = run(&fake, format!("{BEGUN}{cut}")).await;
        assert!(
            matches!(end, Err(TransportError::Http(_))),
            "{cut:?}: {end:?}"
        );
    }
    // A trailer in front of a body that is too short proves nothing.
    let short = "HTTP/1.1 200 OK\r\nProcess-State: ok\r\nContent-Length: 9\r\n\r\nhi";
    let (end, _) = run(&fake, short.to_owned()).await;
    assert!(matches!(end, Err(TransportError::Http(_))), "{end:?}");
}

#[tokio::test]
async fn a_refused_command_is_no_remote_error() {
    let fake = Fake::new();
    // To the byte what a buildlet of 2019 says.
    let refused = "HTTP/1.1 400 Bad Request\r\nTrailer: Process-State\r\nTransfer-Encoding: chunked\r\n\r\n\
        19\r\nrequires 'cmd' parameter\n\r\n0\r\n\r\n";
    let (end, _) = run(&fake, refused.to_owned()).await;
    assert_eq!(
        end.unwrap_err().to_string(),
        "buildlet: HTTP status 400: requires 'cmd' parameter"
    );
    let dead = "HTTP/1.1 500 X\r\nContent-Length: 28\r\n\r\nandroid emulator not running";
    let (end, _) = run(&fake, dead.to_owned()).await;
    assert!(
        matches!(end, Err(TransportError::Status { status: 500, .. })),
        "{end:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn headers_may_take_twenty_seconds_and_no_more() {
    let fake = Fake::new();
    let (client, command) = (fake.client(), Exec::new("a.sh", MINUTE));
    let begun = tokio::time::Instant::now();
    let late = async {
        let mut accepted = fake.accept().await;
        accepted.request().await;
        tokio::time::sleep(Duration::from_secs(19)).await;
        accepted.say(BEGUN).await;
        accepted
    };
    let (_open, running) = tokio::join!(late, client.start(&command));
    drop(running.unwrap());
    assert!(!client.is_broken());
    let (_open, running) = tokio::join!(fake.serve(""), client.start(&command));
    assert!(matches!(running, Err(TransportError::HeaderTimeout)));
    assert!(client.is_broken());
    assert_eq!(begun.elapsed().as_secs(), 19 + 20);
}

#[tokio::test(start_paused = true)]
async fn a_commands_time_runs_from_the_200_and_its_end_closes_the_connection() {
    let fake = Fake::new();
    let (client, command) = (fake.client(), Exec::new("a.sh", MINUTE));
    let late = async {
        let mut accepted = fake.accept().await;
        accepted.request().await;
        tokio::time::sleep(Duration::from_secs(15)).await;
        accepted.say(BEGUN).await;
        let begun = tokio::time::Instant::now();
        accepted.closed().await;
        assert_eq!(begun.elapsed(), MINUTE);
    };
    let mut sink = tokio::io::sink();
    let ((), end) = tokio::join!(late, client.exec(&command, &mut sink));
    assert!(matches!(end, Err(TransportError::TimedOut)), "{end:?}");
    assert!(client.is_broken());
}

#[tokio::test(start_paused = true)]
async fn one_that_prints_without_a_pause_is_stopped_too() {
    let fake = Fake::new();
    let (client, command) = (fake.client(), Exec::new("yes", Duration::ZERO));
    let (served, running) = tokio::join!(
        fake.serve(format!("{BEGUN}2\r\ny\n\r\n")),
        client.start(&command)
    );
    let end = running.unwrap().next().await;
    assert!(matches!(end, Err(TransportError::TimedOut)), "{end:?}");
    drop(served);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_dawdles_costs_the_commands_time() {
    let fake = Fake::new();
    let (client, command) = (fake.client(), Exec::new("yes", MINUTE));
    let (mut full, _reader) = tokio::io::duplex(1);
    let (_open, end) = tokio::join!(
        fake.serve(ended("abc", "ok")),
        client.exec(&command, &mut full)
    );
    assert!(matches!(end, Err(TransportError::TimedOut)), "{end:?}");
}
