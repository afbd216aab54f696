//! `/exec` (`buildlet.md` 5, 9.7).

use crate::harness::{Machine, is_held, until};
use crate::peer::{Answer, post};

/// A line of the command interpreter.
fn line(text: &str) -> [(&str, &str); 4] {
    [
        ("cmd", "cmd"),
        ("cmdArg", "/c"),
        ("cmdArg", text),
        ("mode", "sys"),
    ]
}

/// What was printed, in lines without their ends.
fn lines(answer: &Answer) -> Vec<&str> {
    answer.text().lines().map(str::trim_end).collect()
}

#[tokio::test]
async fn it_says_what_it_is() {
    let mut m = Machine::start().await;
    let root = m.get("/").await;
    assert_eq!(root.said(), (200, "buildlet running on windows-amd64\n"));
    assert_eq!(m.get("/status").await.said(), (200, "{\"Version\":23}"));
    let work_dir = m.work_dir().to_str().unwrap().to_owned();
    assert_eq!(m.get("/workdir").await.said(), (200, work_dir.as_str()));
    m.end().await;
}

#[tokio::test]
async fn a_batch_file_runs_with_arguments_where_it_lies() {
    let mut m = Machine::start().await;
    let text = "@echo off\necho out %1\necho err 1>&2\necho %CD%\nexit /b 7\n";
    m.write("dir/a.bat", text).await;
    let dir = m.work_dir().join("dir");
    // With its ending or without, by name or by place.
    let placed = dir.join("a").to_str().unwrap().to_owned();
    for (cmd, mode) in [("dir/a.bat", ""), ("dir/a", ""), (placed.as_str(), "sys")] {
        let pairs = [
            ("cmd", cmd),
            ("mode", mode),
            ("cmdArg", "x y"),
            ("dir", "dir"),
        ];
        let answer = m.exec(&pairs[..if mode.is_empty() { 3 } else { 4 }]).await;
        assert_eq!(answer.state(), "exit status 7", "{cmd}: {answer:?}");
        let dir = dir.to_str().unwrap();
        assert_eq!(lines(&answer), ["out \"x y\"", "err", dir], "{cmd}");
    }
    m.end().await;
}

#[tokio::test]
async fn names_of_variables_have_no_case_and_the_last_value_counts() {
    let mut m = Machine::start().await;
    let mut pairs = line("set").to_vec();
    pairs.extend([
        ("env", "farm_test=1"),
        ("env", "FARM_Test=2"),
        ("path", "$WORKDIR\\bin"),
        ("path", "$PATH"),
    ]);
    let answer = m.exec(&pairs).await;
    let all = lines(&answer);
    let value = |name: &str| -> Vec<&str> {
        let pairs = all.iter().filter_map(|line| line.split_once('='));
        let named = pairs.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value).collect()
    };
    assert_eq!(value("farm_test"), ["2"]);
    assert_eq!(value("GOBUILDEXIT"), ["1"]);
    let bin = m.work_dir().join("bin");
    let [path] = value("PATH")[..] else {
        panic!("{all:?}")
    };
    assert!(path.starts_with(&format!("{};", bin.display())), "{path}");
    assert!(path.ends_with(r";C:\godep\gcc64\bin"), "{path}");
    assert!(value("TMPDIR").is_empty() && value("GOCACHE").is_empty());
    m.end().await;
}

#[tokio::test]
async fn what_cannot_be_started_is_told_and_why() {
    let mut m = Machine::start().await;
    m.write("text.exe", "no program").await;
    let caused = |pairs: &[(&str, &str)]| {
        let request = String::from_utf8(post("/exec", pairs)).unwrap();
        request.replacen("\r\n", "\r\nX-Farmhand-Trailer: 1\r\n", 1)
    };
    for (pairs, cause) in [
        (&[("cmd", "none")][..], "not-found"),
        (&[("cmd", "no-such-command"), ("mode", "sys")], "not-found"),
        (&[("cmd", "text.exe")], "invalid"),
        (&[("cmd", "text.exe"), ("dir", "none")], "bad-dir"),
    ] {
        let answer = m.ask(caused(pairs)).await;
        let said = format!("X-Farmhand-Cause: {cause}");
        assert!(answer.trailer.ends_with(&said), "{pairs:?}: {answer:?}");
    }
    for cmd in ["C:evil.bat", "C:/windows/system32/cmd.exe", r"..\x", "../x"] {
        assert_eq!(m.exec(&[("cmd", cmd)]).await.status, 400, "{cmd}");
    }
    m.end().await;
}

/// Two processes, of which the second is the child of a child; each holds a file open as long as it lives.
const TREE: &str = "@echo off\nstart /b cmd /c \"ping -n 1000 127.0.0.1 > inner\"\nping -n 1000 127.0.0.1 > outer\n";

async fn tree(m: &mut Machine) -> crate::hub::Dialed {
    m.write("tree.bat", TREE).await;
    let mut peer = m.dial().await;
    peer.send(post("/exec", &[("cmd", "tree.bat")])).await;
    let files = ["inner", "outer"].map(|name| m.work_dir().join(name));
    until("a tree", || files.iter().all(|file| is_held(file))).await;
    peer
}

async fn felled(m: &Machine) {
    let files = ["inner", "outer"].map(|name| m.work_dir().join(name));
    until("the end of a tree", || {
        !files.iter().any(|file| is_held(file))
    })
    .await;
}

#[tokio::test]
async fn when_the_client_goes_the_whole_tree_is_killed() {
    let mut m = Machine::start().await;
    let peer = tree(&mut m).await;
    drop(peer);
    felled(&m).await;
    m.end().await;
}

#[tokio::test]
async fn when_the_buildlet_is_killed_so_is_the_whole_tree() {
    let mut m = Machine::start().await;
    let _peer = tree(&mut m).await;
    m.kill();
    felled(&m).await;
}

#[tokio::test]
async fn what_is_left_behind_does_not_hold_the_answer_for_ever() {
    let mut m = Machine::start().await;
    let text = "@echo off\nstart /b ping -n 1000 127.0.0.1\nexit /b 7\n";
    m.write("left.bat", text).await;
    let answer = m.exec(&[("cmd", "left.bat")]).await;
    assert_eq!(answer.state(), "exit status 7", "{answer:?}");
    m.end().await;
}

#[tokio::test]
async fn output_comes_while_the_command_runs() {
    let mut m = Machine::start().await;
    let text = "@echo off\necho one\n:again\nif not exist go-on goto again\necho two\n";
    m.write("slow.bat", text).await;
    let mut peer = m.dial().await;
    peer.send(post("/exec", &[("cmd", "slow.bat")])).await;
    let head = peer.head().await;
    peer.chunks_until("one\r\n").await;
    std::fs::write(m.work_dir().join("go-on"), "").unwrap();
    let rest = peer.rest(head, false).await;
    assert_eq!((rest.text().trim_end(), rest.state()), ("two", "ok"));
    m.end().await;
}
