use super::*;

fn text(line: &Line) -> String {
    String::from_utf8(line.encode().unwrap()).unwrap()
}

#[test]
fn lines_are_written_as_in_2019() {
    assert_eq!(text(&Line::keep_alive()), "{\"command\":\"keep-alive\"}\n");
    let ready = Line::conn_ready("/revdial?revdial.dialer=0320ba432ca69edd4116496bccc8cb84".into());
    assert_eq!(
        text(&ready),
        "{\"command\":\"conn-ready\",\"connPath\":\"/revdial?revdial.dialer=0320ba432ca69edd4116496bccc8cb84\"}\n"
    );
    let failed = Line::pickup_failed("/x".into(), "127.0.0.1:49020->127.0.0.1:8119: reset".into());
    assert_eq!(
        text(&failed),
        "{\"command\":\"pickup-failed\",\"connPath\":\"/x\",\"err\":\"127.0.0.1:49020-\\u003e127.0.0.1:8119: reset\"}\n"
    );
    assert_eq!(
        Line::decode(text(&failed).trim_end().as_bytes()).unwrap(),
        failed
    );
}

#[test]
fn a_line_of_4096_bytes_is_written_whole_and_a_longer_reason_is_cut() {
    let bare = text(&Line::pickup_failed("/x".into(), "e".into())).len() - 1;
    let fits = Line::pickup_failed("/x".into(), "e".repeat(MAX_WRITTEN - bare));
    assert_eq!(text(&fits).len(), 4096);
    assert_eq!(
        Line::decode(text(&fits).trim_end().as_bytes()).unwrap(),
        fits
    );
    for reason in ["e".repeat(4097 - bare), ">ü".repeat(9000)] {
        let cut = text(&Line::pickup_failed("/x".into(), reason));
        assert!((4096 - 16..=4096).contains(&cut.len()), "{}", cut.len());
    }
    assert!(matches!(
        Line::conn_ready("/".repeat(5000)).encode(),
        Err(LineError::TooLong)
    ));
}

#[test]
fn names_match_in_any_case_and_unknown_fields_are_ignored() {
    let line =
        Line::decode(br#"{"Command":"future-thing","CONNPATH":"/x","x":1,"err":null}"#).unwrap();
    assert_eq!(
        (line.command.as_str(), line.conn_path.as_str()),
        ("future-thing", "/x")
    );
    for bad in ["", "not json", "[]", "{\"command\":1}"] {
        assert!(
            matches!(Line::decode(bad.as_bytes()), Err(LineError::Bad(_))),
            "{bad:?}"
        );
    }
}

#[tokio::test]
async fn a_line_of_4097_bytes_and_one_of_64_kib_are_read_and_no_longer_one() {
    let line = |length: usize| format!("{{\"command\":\"{}\"}}\n", "x".repeat(length - 15));
    for length in [4096, 4097, MAX_READ] {
        let text = line(length);
        assert_eq!(text.len(), length);
        assert!(
            LineReader::new(text.as_bytes())
                .next()
                .await
                .unwrap()
                .is_some(),
            "{length}"
        );
    }
    let over = line(MAX_READ + 1);
    assert!(matches!(
        LineReader::new(over.as_bytes()).next().await,
        Err(LineError::TooLong)
    ));
    let endless = "x".repeat(MAX_READ + 1);
    assert!(matches!(
        LineReader::new(endless.as_bytes()).next().await,
        Err(LineError::TooLong)
    ));
}

#[tokio::test]
async fn joined_lines_come_one_by_one() {
    let mut reader = LineReader::new(&b"{\"command\":\"a\"}\r\n{\"command\":\"b\"}\n"[..]);
    assert_eq!(reader.next().await.unwrap().unwrap().command, "a");
    assert_eq!(reader.next().await.unwrap().unwrap().command, "b");
    assert!(reader.next().await.unwrap().is_none());
}

#[test]
fn a_key_is_carried_and_shown_nowhere() {
    let key = "fm1.host-linux.pi.1893456000.0011223344556677";
    let line = Line::renew_key(key.to_owned());
    let written = text(&line);
    assert_eq!(
        written,
        format!("{{\"command\":\"renew-key\",\"key\":\"{key}\"}}\n")
    );
    assert_eq!(Line::decode(written.trim_end().as_bytes()).unwrap(), line);
    assert!(!format!("{line:?}").contains("fm1"));
    for broken in [&written[..40], &format!("x{written}"), &format!("{key} x")] {
        let error = Line::decode(broken.as_bytes()).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("fm1"), "{error}");
    }
    let long = Line::renew_key("k".repeat(4096));
    assert!(matches!(long.encode(), Err(LineError::TooLong)));
}
