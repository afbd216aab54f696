use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use super::*;

const QUICK: Limits = Limits {
    connect: Duration::from_secs(20),
    answer: Duration::from_secs(20),
    idle: Duration::from_secs(20),
    total: Duration::from_secs(20),
    tries: 3,
};

/// Answers one connection after the other with these bytes, `HOST` replaced by its address; the requests, in the end.
fn origin(answers: &'static [&'static str]) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let host = address.clone();
    let serve = move || {
        let answer = |text: &&str| {
            let (mut stream, _) = listener.accept().unwrap();
            let request = head(&mut stream);
            stream
                .write_all(text.replace("HOST", &host).as_bytes())
                .unwrap();
            request
        };
        answers.iter().map(answer).collect()
    };
    (address, std::thread::spawn(serve))
}

fn head(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "cut");
        request.push(byte[0]);
    }
    String::from_utf8(request).unwrap()
}

fn fetcher() -> Fetcher {
    Fetcher::new(Vec::new(), Proxies::none())
}

#[test]
fn a_body_is_read_behind_redirects() {
    let (address, served) = origin(&[
        "HTTP/1.1 302 Found\r\nLocation: http://HOST/there?b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nLast-Modified: x\r\nConnection: close\r\n\r\nhello",
    ]);
    let url = format!("http://{address}/here?a");
    let answer = fetcher().get(&url, &QUICK, &Cancel::default()).unwrap();
    assert_eq!(answer.field("last-modified"), Some("x"));
    assert_eq!(answer.text(100).unwrap(), "hello");
    let requests = served.join().unwrap();
    assert!(requests[0].starts_with("GET /here?a HTTP/1.1\r\n"));
    assert!(requests[1].starts_with("GET /there?b HTTP/1.1\r\n"));
}

#[test]
fn redirects_without_end_are_given_up() {
    const AGAIN: &str =
        "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let (address, served) = origin(&[AGAIN; 11]);
    let url = format!("http://{address}/");
    let error = fetcher()
        .get(&url, &QUICK, &Cancel::default())
        .err()
        .unwrap();
    assert_eq!(error.to_string(), "more than 10 redirects");
    assert_eq!(served.join().unwrap().len(), 11);
}

#[test]
fn what_may_heal_is_tried_again_and_nothing_else() {
    let (address, served) = origin(&[
        "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        "HTTP/1.1 404 Gone\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    ]);
    let url = format!("http://{address}/");
    let answer = fetcher().get(&url, &QUICK, &Cancel::default()).unwrap();
    assert_eq!(answer.text(10).unwrap(), "ok");
    let error = fetcher()
        .get(&url, &QUICK, &Cancel::default())
        .err()
        .unwrap();
    assert_eq!(error.to_string(), "404 Not Found");
    served.join().unwrap();
}

#[test]
fn tries_end() {
    const BUSY: &str = "HTTP/1.1 500 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let (address, served) = origin(&[BUSY; 3]);
    let url = format!("http://{address}/");
    let error = fetcher()
        .get(&url, &QUICK, &Cancel::default())
        .err()
        .unwrap();
    assert_eq!(error.to_string(), "500 Internal Server Error");
    served.join().unwrap();
}

#[test]
fn a_body_that_breaks_off_is_an_error() {
    let (address, served) =
        origin(&["HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nhello"]);
    let url = format!("http://{address}/");
    let answer = fetcher().get(&url, &QUICK, &Cancel::default()).unwrap();
    assert!(answer.text(100).is_err());
    served.join().unwrap();
}

/// Connections wait in the queue of a listener that accepts none: connected, never answered.
#[test]
fn a_server_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let limits = Limits {
        answer: Duration::from_millis(50),
        tries: 2,
        ..QUICK
    };
    let error = fetcher()
        .get(&url, &limits, &Cancel::default())
        .err()
        .unwrap();
    assert_eq!(error.to_string(), "the answer took too long");
}

#[test]
fn a_body_that_stands_still_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let serve = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        head(&mut stream);
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello";
        stream.write_all(answer).unwrap();
        // Held open until the other side gives up.
        assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
    });
    let limits = Limits {
        idle: Duration::from_millis(100),
        answer: Duration::from_millis(100),
        tries: 1,
        ..QUICK
    };
    let answer = fetcher().get(&url, &limits, &Cancel::default());
    // A slow machine may not even see the head in time: that is the same limit at work.
    let error = answer.and_then(|answer| answer.text(100)).unwrap_err();
    assert!(error.to_string().ends_with("took too long"), "{error}");
    serve.join().unwrap();
}

#[test]
fn a_download_is_cancelled_while_it_waits() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let cancel = Cancel::default();
    let other = cancel.clone();
    let wait = std::thread::spawn(move || fetcher().get(&url, &QUICK, &other).err().unwrap());
    let (mut stream, _) = listener.accept().unwrap();
    head(&mut stream);
    cancel.cancel();
    assert!(matches!(wait.join().unwrap(), FetchError::Cancelled));
    let never = fetcher().get("http://a/", &QUICK, &cancel);
    assert!(matches!(never, Err(FetchError::Cancelled)));
}

#[test]
fn a_proxy_is_asked_where_one_is_set() {
    let (address, served) = origin(&["HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"]);
    let proxies = Proxies::from_variables(|name| match name {
        "HTTPS_PROXY" => Some(&*address),
        _ => None,
    });
    let fetcher = Fetcher::new(Vec::new(), proxies.unwrap());
    let limits = Limits { tries: 1, ..QUICK };
    let asked = fetcher.get("https://farm.invalid/x", &limits, &Cancel::default());
    assert!(asked.is_err());
    let requests = served.join().unwrap();
    assert!(requests[0].starts_with("CONNECT farm.invalid:443 HTTP/1.1\r\n"));
}
