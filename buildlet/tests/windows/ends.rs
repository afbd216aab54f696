//! How buildlets come to their end, and stage0.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use sha2::{Digest, Sha256};
use windows_sys::Win32::System::Console::{CTRL_BREAK_EVENT, GenerateConsoleCtrlEvent};

use crate::harness::{BUILDLET, Buildlet, Machine, is_held, until};
use crate::hub::Hub;
use crate::peer::post;
use crate::skipped;

/// Whether it was passed on.
#[expect(unsafe_code, reason = "the standard library knows no such events")]
fn press_break(group: u32) -> bool {
    // SAFETY: two numbers.
    unsafe { GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, group) != 0 }
}

#[tokio::test]
async fn ctrl_break_ends_it_and_its_commands() {
    let mut m = Machine::start().await;
    let text = "@echo off\nping -n 1000 127.0.0.1 > held\n";
    m.write("long.bat", text).await;
    let mut peer = m.dial().await;
    peer.send(post("/exec", &[("cmd", "long.bat")])).await;
    let held = m.work_dir().join("held");
    until("a command", || is_held(&held)).await;
    if !press_break(m.pid()) {
        let why = std::io::Error::last_os_error();
        return skipped(&format!("nobody here can press Ctrl-Break: {why}"));
    }
    assert_eq!(m.ended().await, Some(0));
    until("the command's end", || !is_held(&held)).await;
}

/// Serves a file to whoever asks, until this test ends.
fn serve(file: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut head, mut byte) = (stream.unwrap(), Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                head.push(byte[0]);
            }
            let body = std::fs::read(file).unwrap();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nLast-Modified: Thu, 25 Apr 2019 10:00:00 GMT\r\nConnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(answer.as_bytes()).unwrap();
            if head.starts_with(b"GET ") {
                stream.write_all(&body).unwrap();
            }
        }
    });
    format!("http://{address}/buildlet-windows-amd64")
}

#[tokio::test]
async fn stage0_fetches_a_buildlet_and_takes_it_along_when_it_is_killed() {
    let hub = Hub::start().await;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("key"), crate::hub::KEY).unwrap();
    std::fs::write(at("ca"), hub.certificate()).unwrap();
    let sum = hex::encode(Sha256::digest(std::fs::read(BUILDLET).unwrap()));
    let (url, file, address) = (serve(BUILDLET), at("fetched.exe"), hub.address());
    let (key, ca, work) = (at("key"), at("ca"), at("work"));
    let args = [
        &[
            "stage0", "--url", &url, "--sha256", &sum, "--file", &file, "--",
        ][..],
        &["--coordinator", &address, "--server-name", "localhost"],
        &["--ca", &ca, "--key-file", &key, "--workdir", &work],
        &["--reverse-type", "host-linux-foo", "--hostname", "testhost"],
    ];
    let mut stage0 = Buildlet::run(folder, &args.concat());
    let _control = hub.registered().await;
    assert!(is_held(Path::new(&file)));
    stage0.kill();
    until("the buildlet's end", || !is_held(Path::new(&file))).await;
}
