//! `/exec` (`buildlet.md` 5, 22.1 to 22.4).

use std::time::Instant;

use crate::harness::{Buildlet, PATH, gone, pids, until};
use crate::peer::{post, sh, sh_with};

const HEAD: &str = "HTTP/1.1 200 OK\r\nTrailer: Process-State\r\nTransfer-Encoding: chunked";

#[tokio::test]
async fn a_script_is_written_and_run_as_the_worked_exchange_has_it() {
    let b = Buildlet::start().await;
    let script = b"#!/bin/sh\necho $FOO $1; exit 3\n";
    let written = b.put("/write?path=a.sh&mode=493", script).await;
    assert_eq!(
        (written.head.as_str(), written.text()),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain; charset=utf-8",
            "OK"
        )
    );
    let body = "cmd=a.sh&cmdArg=x&debug=false&dir=&env=FOO%3Dbar&mode=&path=%24WORKDIR%2Fgo%2Fbin&path=%24PATH";
    let mut peer = b.dial().await;
    peer.send(format!(
        "POST /exec HTTP/1.1\r\nHost: b1\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    ))
    .await;
    let head = peer.head().await;
    assert_eq!(
        head,
        HEAD.replace("Transfer", "Connection: close\r\nTransfer")
    );
    assert_eq!(
        peer.until_closed().await,
        b"6\r\nbar x\n\r\n0\r\nProcess-State: exit status 3\r\n\r\n"
    );
    b.end().await;
}

#[tokio::test]
async fn output_comes_while_the_command_runs() {
    let b = Buildlet::start().await;
    let go_on = b.outside("go-on");
    let mut peer = b.dial().await;
    let script = format!(
        "echo one; until test -e {0}; do sleep 0.01; done; echo two >&2; echo three",
        go_on.display()
    );
    peer.send(sh(&script)).await;
    let head = peer.head().await;
    assert_eq!(head, HEAD);
    assert_eq!(peer.chunks_until("one\n").await, "one\n");
    std::fs::write(&go_on, "").unwrap();
    let rest = peer.rest(head, false).await;
    assert_eq!((rest.text(), rest.state()), ("two\nthree\n", "ok"));
    b.end().await;
}

/// Clients time this.
#[tokio::test]
async fn the_head_comes_before_any_output() {
    let b = Buildlet::start().await;
    let go_on = b.outside("go-on");
    let mut peer = b.dial().await;
    peer.send(sh(&format!(
        "until test -e {0}; do sleep 0.01; done",
        go_on.display()
    )))
    .await;
    let head = peer.head().await;
    std::fs::write(&go_on, "").unwrap();
    let answer = peer.rest(head, false).await;
    assert_eq!((answer.text(), answer.state()), ("", "ok"));
    b.end().await;
}

#[tokio::test]
async fn ends_are_told_in_the_words_of_2019() {
    let b = Buildlet::start().await;
    for (script, state) in [
        ("true", "ok"),
        ("exit 3", "exit status 3"),
        ("exit 255", "exit status 255"),
        ("kill -9 $$", "signal: killed"),
        ("kill -15 $$", "signal: terminated"),
        // Its output is closed, and it goes on.
        ("exec >&- 2>&-; sleep 0.1; exit 5", "exit status 5"),
    ] {
        let answer = b.ask(sh(script)).await;
        assert_eq!(
            (answer.head.as_str(), answer.state()),
            (HEAD, state),
            "{script}"
        );
    }
    b.end().await;
}

#[tokio::test]
async fn what_cannot_be_started_is_a_200_with_the_reason() {
    let b = Buildlet::start().await;
    let work = b.work_dir();
    let work = work.display();
    b.put("/write?path=text&mode=420", b"#!/bin/sh\n").await;
    b.put("/write?path=binary&mode=493", b"\x7fnonsense").await;
    b.put("/write?path=orphan&mode=493", b"#!/no/such/interpreter\n")
        .await;
    for (pairs, state) in [
        (
            &[("cmd", "gone.sh")][..],
            format!("fork/exec {work}/gone.sh: no such file or directory"),
        ),
        (
            &[("cmd", "text")],
            format!("fork/exec {work}/text: permission denied"),
        ),
        (
            &[("cmd", "binary")],
            format!("fork/exec {work}/binary: exec format error"),
        ),
        (
            &[("cmd", "orphan")],
            format!("fork/exec {work}/orphan: no such file or directory"),
        ),
        (
            &[("cmd", ".")],
            format!("fork/exec {work}: permission denied"),
        ),
        (
            &[("cmd", "d/gone.sh")],
            format!("chdir {work}/d: no such file or directory"),
        ),
        (
            &[("cmd", "/bin/true"), ("mode", "sys"), ("dir", "/nowhere")],
            "chdir /nowhere: no such file or directory".into(),
        ),
        (
            &[("cmd", "/bin/true"), ("mode", "sys"), ("dir", "text")],
            format!("chdir {work}/text: not a directory"),
        ),
        (
            &[("cmd", "/gone"), ("mode", "sys")],
            "fork/exec /gone: no such file or directory".into(),
        ),
        (
            &[("cmd", "./gone"), ("mode", "sys")],
            "fork/exec ./gone: no such file or directory".into(),
        ),
        (
            &[("cmd", "/bin/true"), ("cmdArg", "a\0b"), ("mode", "sys")],
            "fork/exec /bin/true: invalid argument".into(),
        ),
        (
            &[("cmd", "x"), ("mode", "sys")],
            "exec: \"x\": executable file not found in $PATH".into(),
        ),
    ] {
        let answer = b.post("/exec", pairs).await;
        assert_eq!(
            (answer.head.as_str(), answer.text(), answer.state()),
            (HEAD, "", state.as_str()),
            "{pairs:?}"
        );
    }
    b.end().await;
}

#[tokio::test]
async fn names_that_lead_out_are_refused_before_anything_runs() {
    let b = Buildlet::start().await;
    b.script("a.sh", "touch ran").await;
    let head = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nTrailer: Process-State\r\n\
                X-Content-Type-Options: nosniff\r\nTransfer-Encoding: chunked";
    let cmd = "requires 'cmd' parameter\n";
    let dir = "bogus 'dir' parameter\n";
    for (pairs, text) in [
        (&[("mode", "sys")][..], cmd),
        (&[("cmd", ""), ("mode", "sys")], cmd),
        (&[], cmd),
        (&[("cmd", "..")], cmd),
        (&[("cmd", "../work/a.sh")], cmd),
        (&[("cmd", "x/../../work/a.sh")], cmd),
        (&[("cmd", "/bin/true")], cmd),
        (&[("cmd", "a\\b")], cmd),
        (&[("cmd", "a\0b")], cmd),
        (&[("cmd", "a.sh"), ("dir", "..")], dir),
        (&[("cmd", "a.sh"), ("dir", "/tmp")], dir),
        (&[("cmd", "a.sh"), ("dir", "x/../..")], dir),
    ] {
        let answer = b.post("/exec", pairs).await;
        assert_eq!(
            (answer.head.as_str(), answer.said()),
            (head, (400, text)),
            "{pairs:?}"
        );
    }
    assert!(!b.work_dir().join("ran").exists());
    let old = b.ask("POST /exec HTTP/1.0\r\n\r\n").await;
    assert_eq!(old.said(), (400, "HTTP/1.1 or higher required\n"));
    b.end().await;
}

#[tokio::test]
async fn the_working_directory_follows_the_rules() {
    let b = Buildlet::start().await;
    let work = b.work_dir();
    let outside = work.parent().unwrap().to_str().unwrap().to_owned();
    let (work, sub) = (work.to_str().unwrap().to_owned(), work.join("sub"));
    b.script("sub/where.sh", "pwd -P; echo $0").await;
    b.script("where.sh", "pwd -P").await;
    let sub = sub.to_str().unwrap().to_owned();
    let own = format!("{sub}\n{sub}/where.sh\n");
    let dirs = |cmd, dir, mode| [("cmd", cmd), ("dir", dir), ("mode", mode), ("cmdArg", "-P")];
    for (cmd, dir, mode, output) in [
        ("sub/where.sh", "", "", own.clone()),
        ("./sub//where.sh", "", "", own.clone()),
        ("sub/where.sh", ".", "", own.replacen(&sub, &work, 1)),
        ("where.sh", "sub", "", format!("{sub}\n")),
        ("/bin/pwd", "", "sys", format!("{work}\n")),
        ("pwd", "sub", "sys", format!("{sub}\n")),
        ("/bin/pwd", "..", "sys", format!("{outside}\n")),
        ("/bin/pwd", "/", "sys", "/\n".to_owned()),
        // Relative to where it runs.
        ("./where.sh", "sub", "sys", format!("{sub}\n./where.sh\n")),
    ] {
        let answer = b.post("/exec", &dirs(cmd, dir, mode)).await;
        assert_eq!(
            (answer.text(), answer.state()),
            (output.as_str(), "ok"),
            "{cmd} in {dir:?}"
        );
    }
    b.end().await;
}

#[tokio::test]
async fn a_line_describes_the_run_if_asked_for() {
    let b = Buildlet::start().await;
    b.script("a.sh", "echo hello").await;
    let work = b.work_dir();
    let work = work.display();
    let pairs = [
        ("cmd", "a.sh"),
        ("cmdArg", "x"),
        ("cmdArg", "say \"hi\"\n"),
        ("debug", "true"),
        ("env", "FOO=bar"),
        ("path", "$WORKDIR/go/bin"),
        ("path", "$PATH"),
    ];
    let mut peer = b.dial().await;
    peer.send(post("/exec", &pairs)).await;
    peer.head().await;
    // In a chunk of its own, before the command runs.
    let line = String::from_utf8(peer.chunk().await.unwrap()).unwrap();
    assert_eq!(
        line,
        format!(
            ":: Running {work}/a.sh with args [\"{work}/a.sh\" \"x\" \"say \\\"hi\\\"\\n\"] and env [\"HOME=/home/of/nobody\" \
             \"PATH={work}/go/bin:{PATH}\" \"WORKDIR={work}\" \"GOROOT_BOOTSTRAP={work}/go1.4\" \"FOO=bar\" \
             \"TMPDIR={work}/tmp\" \"GOCACHE={work}/gocache\"] in dir {work}\n\n"
        )
    );
    assert_eq!(peer.chunks_until("hello\n").await, "hello\n");
    // At system level, and for what does not start.
    let pairs = [
        ("cmd", "no-such"),
        ("mode", "sys"),
        ("debug", "1"),
        ("path", "$EMPTY"),
    ];
    let answer = b.post("/exec", &pairs).await;
    let text = answer.text();
    assert!(
        text.starts_with(":: Running no-such with args [\"no-such\"] and env [\"HOME="),
        "{text}"
    );
    assert!(
        text.ends_with(&format!(" in dir {work}\n\n")) && !text.contains("PATH="),
        "{text}"
    );
    let quiet = b.ask(sh_with("true", &[("debug", "yes")])).await;
    assert_eq!(quiet.text(), "");
    b.end().await;
}

#[tokio::test]
async fn of_equal_names_the_last_one_counts_and_ours_come_last() {
    let b = Buildlet::direct(
        &[],
        &[("INHERITED", "1"), ("CHANGED", "1"), ("TMPDIR", "/var/tmp")],
    )
    .await;
    let work = b.work_dir();
    let work = work.display();
    let env = [
        ("env", "CHANGED=2"),
        ("env", "TWICE=1"),
        ("env", "TWICE=2"),
        ("env", "EMPTY="),
        ("env", "EQUALS=a=b"),
        ("env", "TMPDIR=/elsewhere"),
        ("env", "GOCACHE=/elsewhere"),
        ("env", "no equals sign"),
        ("env", ""),
    ];
    let run = [&env[..], &[("cmd", "/usr/bin/env"), ("mode", "sys")]].concat();
    let answer = b.post("/exec", &run).await;
    let expected = format!(
        "CHANGED=2\nHOME=/home/of/nobody\nINHERITED=1\nPATH={PATH}\nTMPDIR={work}/tmp\nWORKDIR={work}\n\
         GOROOT_BOOTSTRAP={work}/go1.4\nTWICE=2\nEMPTY=\nEQUALS=a=b\nGOCACHE={work}/gocache\nPWD={work}\n"
    );
    assert_eq!(answer.text(), expected);
    b.end().await;
}

#[tokio::test]
async fn path_is_rewritten_for_the_command_and_not_for_finding_it() {
    let b = Buildlet::start().await;
    let work = b.work_dir();
    let work = work.display();
    b.script("bin/tool", "echo ours").await;
    for (more, path) in [
        (&[][..], PATH.to_owned()),
        (
            &[("path", "$WORKDIR/bin"), ("path", "$PATH")],
            format!("{work}/bin:{PATH}"),
        ),
        (
            &[("path", "$PATH"), ("path", "/a$WORKDIR/b")],
            format!("{PATH}:/a{work}/b"),
        ),
        (
            &[("env", "PATH=/usr/bin"), ("path", "$PATH"), ("path", "/x")],
            "/usr/bin:/x".to_owned(),
        ),
        (
            &[("env", "PATH="), ("path", "/usr/bin"), ("path", "$PATH")],
            "/usr/bin".to_owned(),
        ),
    ] {
        let answer = b.ask(sh_with("echo $PATH", more)).await;
        assert_eq!(answer.text(), format!("{path}\n"), "{more:?}");
    }
    let with_bin = [("path", "$WORKDIR/bin"), ("path", "$PATH")];
    assert_eq!(b.ask(sh_with("tool", &with_bin)).await.text(), "ours\n");
    let bare = [("cmd", "tool"), ("mode", "sys"), with_bin[0]];
    let answer = b.post("/exec", &bare).await;
    assert_eq!(
        answer.state(),
        "exec: \"tool\": executable file not found in $PATH"
    );
    b.end().await;
}

#[tokio::test]
async fn input_is_empty_and_folders_come_back() {
    let b = Buildlet::start().await;
    assert_eq!(
        b.ask(sh("cat; test -d $TMPDIR && test -d $GOCACHE"))
            .await
            .state(),
        "ok"
    );
    assert_eq!(
        b.post("/removeall", &[("path", ".")]).await.said(),
        (200, "")
    );
    assert!(!b.work_dir().exists());
    assert_eq!(
        b.ask(sh("test -d $TMPDIR && test -d $GOCACHE"))
            .await
            .state(),
        "ok"
    );
    b.end().await;
}

/// What a command leaves behind holds its output open; it is given a moment, then it is killed.
#[tokio::test]
async fn a_process_left_behind_does_not_hold_the_answer_for_ever() {
    let b = Buildlet::start().await;
    for (script, quiet) in [
        ("sleep 1000 & echo $! > pid; exit 7", true),
        ("yes & echo $! > pid; exit 7", false),
    ] {
        let began = Instant::now();
        let answer = b.ask(sh(script)).await;
        assert_eq!(answer.state(), "exit status 7", "{script}");
        assert_eq!(answer.body.is_empty(), quiet);
        assert!(answer.body.len() < 128 << 20, "{}", answer.body.len());
        assert!(began.elapsed().as_secs() < 30, "{script}");
        gone(&pids(&b.work_dir().join("pid")).await).await;
    }
    // Late words still come.
    let answer = b.ask(sh("(sleep 0.2; echo late) & exit 0")).await;
    assert_eq!((answer.text(), answer.state()), ("late\n", "ok"));
    b.end().await;
}

#[tokio::test]
async fn sixty_four_commands_run_at_once_and_no_more() {
    let b = Buildlet::start().await;
    let started = b.outside("started");
    std::fs::create_dir(&started).unwrap();
    let mut peers = Vec::new();
    for number in 0..64 {
        let mut peer = b.dial().await;
        peer.send(sh(&format!(
            "touch {}/{number}; sleep 1000",
            started.display()
        )))
        .await;
        assert_eq!(peer.head().await, HEAD);
        peers.push(peer);
    }
    until("64 commands", || {
        std::fs::read_dir(&started).unwrap().count() == 64
    })
    .await;
    assert_eq!(
        b.ask(sh("true")).await.said(),
        (503, "too many commands at once\n")
    );
    drop(peers);
    b.nothing_runs().await;
    assert_eq!(b.ask(sh("true")).await.state(), "ok");
    b.end().await;
}
