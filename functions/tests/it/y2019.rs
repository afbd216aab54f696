//! What programs of 2019 read: the bytes they know, and statuses that are true.

use farm_model::config::Role;
use farm_model::id::{BuilderName, CommitId};
use farm_model::record::{Against, BuildKind, CommitInfo};
use farm_model::view::{
    BuildLine, Cell, CommitView, Failure, FarmView, GridRow, GridView, RepositoryView, Status, key,
};

use crate::harness::{Answer, Function};
use crate::sample;

/// Of the text `test`.
const LOG: &str = "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3";
const DARWIN: &str = "darwin-amd64-10_14";
const LINUX: &str = "linux-amd64";
const RELEASE: &str = "release-branch.go1.12";

/// The worked example of the specification.
const STATUS: &str = r#"{
	"builders": [
		"darwin-amd64-10_14",
		"linux-amd64"
	],
	"revisions": [
		{
			"repo": "go",
			"revision": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			"parentRevisions": [
				"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
			],
			"date": "2019-04-25T14:03:07Z",
			"branch": "master",
			"author": "Ann Example \u003cann@example.com\u003e",
			"desc": "runtime: shrink foo",
			"results": [
				"",
				"https://build.golang.org/log/a94a8fe5ccb19ba61c4c0873d391e987982fbbd3"
			]
		},
		{
			"repo": "net",
			"revision": "cccccccccccccccccccccccccccccccccccccccc",
			"parentRevisions": [
				"dddddddddddddddddddddddddddddddddddddddd"
			],
			"goRevision": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			"date": "2019-04-24T09:00:00Z",
			"branch": "master",
			"goBranch": "master",
			"author": "Bob \u003cbob@example.com\u003e",
			"desc": "http2: fix bar",
			"results": [
				"ok",
				""
			]
		},
		{
			"repo": "net",
			"revision": "cccccccccccccccccccccccccccccccccccccccc",
			"parentRevisions": [
				"dddddddddddddddddddddddddddddddddddddddd"
			],
			"goRevision": "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
			"date": "2019-04-24T09:00:00Z",
			"branch": "master",
			"goBranch": "release-branch.go1.12",
			"author": "Bob \u003cbob@example.com\u003e",
			"desc": "http2: fix bar",
			"results": [
				"ok",
				"ok"
			]
		}
	]
}"#;

fn id(digit: char) -> CommitId {
    digit.to_string().repeat(40).parse().unwrap()
}

fn commit(digit: char, parent: char, time: &str, author: &str, subject: &str) -> CommitInfo {
    let email = format!("{}@example.com", author[..3].to_lowercase());
    CommitInfo {
        id: id(digit),
        parents: vec![id(parent)],
        author: author.to_owned(),
        email,
        time: time.parse().unwrap(),
        subject: subject.to_owned(),
    }
}

fn tip() -> CommitInfo {
    let time = "2019-04-25T14:03:07Z";
    commit('a', 'b', time, "Ann Example", "runtime: shrink foo")
}

fn released() -> CommitInfo {
    let time = "2019-04-20T00:00:00Z";
    commit('e', 'f', time, "Ann Example", "release: 1.12.5")
}

fn net() -> CommitInfo {
    commit('c', 'd', "2019-04-24T09:00:00Z", "Bob", "http2: fix bar")
}

fn repository(name: &str, branches: &[&str], role: Role) -> RepositoryView {
    RepositoryView {
        name: name.parse().unwrap(),
        branches: branches.iter().map(|name| (*name).to_owned()).collect(),
        role,
        import_path: None,
    }
}

/// The main repository is not the first by name.
fn farm() -> FarmView {
    let against = || Role::Against("go".parse().unwrap());
    FarmView {
        repositories: vec![
            repository("empty", &[], against()),
            repository("go", &["master", RELEASE], Role::Main),
            repository("net", &["master"], against()),
            repository("other", &["master"], Role::Alone),
        ],
        ..sample::farm()
    }
}

fn failed() -> Option<Failure> {
    Some(Failure {
        log: Some(LOG.parse().unwrap()),
        ..sample::failure("pi")
    })
}

fn cell(status: Status) -> Option<Cell> {
    Some(Cell {
        build: "3f2a".repeat(8).parse().unwrap(),
        run: 1,
        status,
        failure: (status == Status::Failed).then(failed).flatten(),
    })
}

fn builders() -> Vec<BuilderName> {
    [DARWIN, LINUX].map(|name| name.parse().unwrap()).to_vec()
}

fn grid(repo: &str, branch: &str, total: u64, rows: Vec<GridRow>) -> GridView {
    GridView {
        repo: repo.parse().unwrap(),
        branch: branch.to_owned(),
        builders: builders(),
        sheet: None,
        total,
        rows,
        ..sample::grid()
    }
}

fn line(builder: &str, against: &CommitInfo, branch: &str, status: Status) -> BuildLine {
    BuildLine {
        branch: "master".to_owned(),
        kind: BuildKind::PostSubmit,
        against: Some(Against {
            repo: "go".parse().unwrap(),
            commit: against.id.clone(),
            branch: branch.to_owned(),
        }),
        ..sample::line(builder, status)
    }
}

fn net_view() -> CommitView {
    CommitView {
        repo: "net".parse().unwrap(),
        commit: net(),
        places: vec![("master".to_owned(), 0)],
        builds: vec![
            line(DARWIN, &tip(), "master", Status::Ok),
            line(LINUX, &tip(), "master", Status::Running),
            line(DARWIN, &released(), RELEASE, Status::Ok),
            line(LINUX, &released(), RELEASE, Status::Ok),
        ],
        ..sample::commit_view()
    }
}

async fn go_farm() -> Function {
    let function = Function::start("dashboard", None);
    function.put_view(key::FARM, &farm()).await;
    let (go, net_name) = ("go".parse().unwrap(), "net".parse().unwrap());
    let row = |number, commit: CommitInfo, cells| GridRow {
        number,
        commit,
        cells,
    };
    let cells = vec![cell(Status::Lost), cell(Status::Failed)];
    let master = grid("go", "master", 1, vec![row(0, tip(), cells)]);
    let release = row(0, released(), vec![cell(Status::Ok), None]);
    let release = grid("go", RELEASE, 1, vec![release]);
    let net_row = row(0, net(), vec![None, None]);
    for (name, view) in [(&go, &master), (&go, &release)] {
        let key = key::grid(name, &view.branch);
        function.put_view(&key, view).await;
    }
    let net_grid = grid("net", "master", 1, vec![net_row]);
    function
        .put_view(&key::grid(&net_name, "master"), &net_grid)
        .await;
    function
        .put_view(&key::commit(&net_name, &id('c')), &net_view())
        .await;
    function
}

async fn read(function: &Function, query: &str) -> Answer {
    let request = axum::http::Request::get(format!("/?{query}"))
        .header("host", "build.golang.org")
        .header("x-forwarded-proto", "https")
        .body(axum::body::Body::empty());
    function.ask(request.unwrap()).await
}

#[tokio::test]
async fn the_worked_example_is_answered_to_the_byte() {
    let function = go_farm().await;
    let answer = read(&function, "mode=json&branch=master").await;
    assert_eq!(answer.of(200), STATUS);
    assert_eq!(answer.header("content-type"), "text/json; charset=utf-8");
    // The commits of all branches, newest first, unless a branch is named.
    let all = read(&function, "mode=json").await;
    let all: serde_json::Value = serde_json::from_str(all.of(200)).unwrap();
    let branches: Vec<&str> = all["revisions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["branch"].as_str().unwrap())
        .collect();
    assert_eq!(branches, ["master", RELEASE, "master", "master"]);
}

#[tokio::test]
async fn a_sub_repository_has_its_own_name_and_results() {
    let function = go_farm().await;
    for repo in ["net", "golang.org%2Fx%2Fnet"] {
        let answer = read(&function, &format!("mode=json&repo={repo}")).await;
        let status: serde_json::Value = serde_json::from_str(answer.of(200)).unwrap();
        let rows = status["revisions"].as_array().unwrap();
        assert_eq!(
            rows.len(),
            2,
            "a row for each commit of the main repository"
        );
        assert_eq!(rows[0]["repo"], "net");
        assert_eq!(rows[0]["goRevision"], "e".repeat(40));
        assert_eq!(rows[0]["results"], serde_json::json!(["ok", "ok"]));
    }
}

#[tokio::test]
async fn failures_are_a_line_each() {
    let function = go_farm().await;
    let line = format!(
        "{} {LINUX} https://build.golang.org/log/{LOG}\n",
        "a".repeat(40)
    );
    let answer = read(&function, "mode=failures").await;
    assert_eq!(answer.of(200), line);
    assert_eq!(
        read(&function, "mode=failures&branch=all").await.of(200),
        line
    );
    let release = format!("mode=failures&branch={RELEASE}");
    assert_eq!(read(&function, &release).await.of(200), "");
    let hash = format!("mode=failures&repo=net&hash={}", "c".repeat(40));
    assert_eq!(read(&function, &hash).await.of(200), "");
}

#[tokio::test]
async fn what_is_not_there_has_a_true_status() {
    let function = go_farm().await;
    for (query, status) in [
        ("mode=json&repo=nothing", 404),
        ("mode=json&branch=nothing", 404),
        ("mode=json&page=-1", 400),
        ("mode=json&hash=abc", 404),
        (
            "mode=json&hash=1234567890123456789012345678901234567890",
            404,
        ),
        ("mode=failures&branch=all&page=200", 400),
    ] {
        let answer = read(&function, query).await;
        assert!(answer.of(status).starts_with("Error: "), "{query}");
    }
    let nothing = Function::start("dashboard", None);
    let answer = read(&nothing, "mode=json").await;
    assert_eq!(
        answer.of(200),
        "{\n\t\"builders\": [],\n\t\"revisions\": null\n}"
    );
    assert_eq!(read(&nothing, "mode=failures").await.of(200), "");
}

#[tokio::test]
async fn pages_go_on_over_sheets_without_a_gap_or_a_commit_twice() {
    let function = go_farm().await;
    let (go, count) = ("go".parse().unwrap(), 75_u64);
    let row = |number: u64| {
        let time = format!("2019-04-25T{:02}:{:02}:00Z", number / 60, number % 60);
        GridRow {
            number,
            commit: CommitInfo {
                id: format!("{number:040x}").parse().unwrap(),
                ..commit('a', 'b', &time, "Ann Example", "one of many")
            },
            cells: vec![None, cell(Status::Failed)],
        }
    };
    let rows = |from: u64, to: u64| (from..to).rev().map(row).collect();
    let newest = grid("go", "master", count, rows(count - 30, count));
    function.put_view(&key::grid(&go, "master"), &newest).await;
    for sheet in 0..3 {
        let all = rows(30 * sheet, count.min(30 * sheet + 30));
        let view = GridView {
            sheet: Some(sheet),
            ..grid("go", "master", count, all)
        };
        let key = key::sheet(&go, "master", sheet);
        function.put_view(&key, &view).await;
    }
    let mut seen = Vec::new();
    for page in 0..4 {
        let query = format!("mode=failures&branch=master&page={page}");
        let answer = read(&function, &query).await;
        let lines = answer.of(200).lines();
        let commits = lines.map(|line| line.split(' ').next().unwrap().to_owned());
        seen.extend(commits);
    }
    let all: Vec<String> = (0..count)
        .rev()
        .map(|number| format!("{number:040x}"))
        .collect();
    assert_eq!(seen, all);
    // Of all branches: the release's commit is older than all of these.
    let last = read(&function, "mode=json&page=2").await;
    let last: serde_json::Value = serde_json::from_str(last.of(200)).unwrap();
    let last = last["revisions"].as_array().unwrap();
    assert_eq!((last.len(), &last[15]["branch"]), (16, &RELEASE.into()));
}
