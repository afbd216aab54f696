use super::super::report::{GoneRow, MachinePickUps, MachineRow, PickUps, TroubleRow};
use super::*;
use crate::status::HubStatus;

const EVIL: &str = "<script>alert(\"&'1\")</script>";

fn trouble(text: &str) -> TroubleRow {
    TroubleRow {
        text: text.to_owned(),
        ago: 200.0,
    }
}

fn machine(number: usize) -> MachineRow {
    let attempt = format!("{}/1/make/{number}", "b".repeat(32));
    MachineRow {
        name: format!("rack{}-pi{number:02}", number / 40),
        host_type: "host-linux-arm64-rpi4".parse().unwrap(),
        version: 23,
        revdial: "2",
        connected: 7500.0 * number as f64,
        busy: (number % 3 == 1).then(|| attempt.parse().unwrap()),
        held: None,
        state_for: 35.0 * number as f64,
        seen: (number % 11) as f64,
        pick_ups: Some(MachinePickUps {
            done: 1200 + 7 * number as u64,
            failed: (number % 4 == 2) as u64,
            late: (number % 9 == 2) as u64,
            waiting: (number % 13 == 3) as usize,
        }),
        trouble: (number % 5 == 2).then(|| {
            trouble(
                "step test: lost: the machine does not answer: the buildlet did not answer in time",
            )
        }),
    }
}

fn report(rows: usize, more: usize) -> Report {
    let host = |host_type: &str, connected, expected| HostRow {
        host_type: host_type.to_owned(),
        connected,
        busy: connected / 3,
        expected,
    };
    let list: Vec<MachineRow> = (0..rows).map(machine).collect();
    Report {
        counts: HubStatus {
            machines: rows + more,
            busy: rows / 3,
            accepted: 48_211,
            ok: 45_100,
            failed: 3_090,
            lost: 21,
            refused: 17,
            registrations_refused: 4,
            handed_over: 31,
            not_handed_over: 2,
            ..HubStatus::default()
        },
        hub: "h1".parse().unwrap(),
        session: "0000000000000-00".parse().unwrap(),
        started: farm_model::Timestamp::UNIX_EPOCH,
        uptime: 356_400.0,
        pick_ups: PickUps {
            handed: 1_203_344,
            late: 12,
            unknown: 3,
            refused: 17,
        },
        host_types: vec![
            host("host-linux-arm64-rpi4", rows, None),
            host("host-darwin-15", 2, Some(4)),
            host("host-openbsd-amd64", 3, Some(3)),
        ],
        more_host_types: 0,
        next: (more > 0).then(|| list[rows - 1].name.clone()),
        list,
        more,
        gone: vec![GoneRow {
            name: "attic".to_owned(),
            host_type: "host-darwin-15".parse().unwrap(),
            why: trouble("it is halted after every attempt"),
        }],
    }
}

fn rendered(report: Report) -> String {
    let page = Page {
        report,
        style: STYLE,
        host: None,
        further: false,
        logs: true,
    };
    page.render().unwrap()
}

#[test]
fn numbers_are_grouped() {
    assert_eq!(
        [0, 999, 1000, 1_203_344].map(grouped),
        ["0", "999", "1,000", "1,203,344"]
    );
}

#[test]
fn what_machines_say_is_text() {
    let mut report = report(3, 1);
    report.list[0].name = EVIL.to_owned();
    report.list[0].trouble = Some(trouble(EVIL));
    report.gone[0].why = trouble(EVIL);
    report.host_types[0].host_type = EVIL.to_owned();
    report.next = Some(EVIL.to_owned());
    let html = rendered(report);
    assert!(
        !html.contains("<script") && !html.contains("alert(\""),
        "{html}"
    );
    assert!(html.contains("&#60;script&#62;"), "{html}");
    assert!(html.contains("/status?after=%3Cscript%3E"), "{html}");
}

#[test]
fn a_page_has_a_bounded_size_and_says_how_many_more_there_are() {
    let html = rendered(report(ROWS, 9_800));
    assert!(html.len() < 300_000, "{}", html.len());
    assert!(html.contains(">and 9,800 more</a>"));
}

#[test]
fn a_machine_that_is_dialed_has_no_pick_ups() {
    let mut report = report(1, 0);
    report.list[0].pick_ups = None;
    report.list[0].revdial = "direct";
    let html = rendered(report);
    assert!(html.contains("<small>direct</small>"), "{html}");
    assert!(!html.contains(" done<"), "{html}");
}

#[test]
fn what_became_of_pick_ups_is_said() {
    let html = rendered(report(1, 0));
    let said = "17 refused: 12 late, 3 unknown, 2 not handed over</small><small>31 handed over to other hubs</small>";
    assert!(html.contains(said), "{html}");
}

#[test]
fn missing_machines_and_shutting_down_are_said() {
    let mut report = report(1, 0);
    report.counts.draining = true;
    let html = rendered(report);
    assert!(html.contains("2 missing"), "{html}");
    assert_eq!(html.matches(" missing").count(), 1, "{html}");
    assert!(html.contains("takes no new work"), "{html}");
    assert!(!html.contains("rel=\"next\""), "{html}");
}

#[test]
fn the_style_cannot_end_its_element() {
    assert!(!STYLE.contains("</"));
}

#[test]
fn browsers_get_a_page_and_programs_get_json() {
    let takes = |accept: Option<&str>| {
        let mut headers = HeaderMap::new();
        if let Some(accept) = accept {
            headers.insert(header::ACCEPT, accept.parse().unwrap());
        }
        takes_pages(&headers)
    };
    assert!(takes(Some("text/html,application/xhtml+xml,*/*;q=0.8")));
    for program in [None, Some("*/*"), Some("application/json"), Some("text/")] {
        assert!(!takes(program), "{program:?}");
    }
}
