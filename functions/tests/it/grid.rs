//! The grid: groups, filters, sheets, and how branches stand.

use farm_model::id::RepoName;
use farm_model::view::{Cell, Failure, GridRow, GridView, Status, key};

use crate::harness::Function;
use crate::sample::{at, commit, dashboard, farm, key_of};

const BUILDERS: [&str; 11] = [
    "aix-ppc64",
    "android-386-emu",
    "linux-386",
    "linux-amd64",
    "linux-amd64-nocgo",
    "linux-amd64-race",
    "linux-amd64-temp",
    "openbsd-386",
    "openbsd-amd64",
    "openbsd-arm",
    "windows-arm",
];

fn demo() -> RepoName {
    "demo".parse().unwrap()
}

fn failure(reason: &str, by_chance: bool) -> Failure {
    Failure {
        reason: reason.to_owned(),
        attempt: None,
        log: None,
        by_chance,
    }
}

/// Rows numbered from `from` down; `linux-386` is red and `windows-arm` flaky in the first, all else is green.
fn view(sheet: Option<u64>, numbers: std::ops::Range<u64>, total: u64) -> GridView {
    let top = numbers.end - 1;
    let row = |number: u64| {
        let digit = char::from_digit((number % 16) as u32, 16).unwrap();
        let commit = commit(digit, &format!("change {number}"));
        let cell = |builder: &str| {
            let failure = match builder {
                "linux-386" if number == top => Some(failure("exit <1>", false)),
                "windows-arm" if number == top => Some(failure("it does that", true)),
                _ => None,
            };
            let status = if failure.is_some() {
                Status::Failed
            } else {
                Status::Ok
            };
            let build = key_of(builder, &commit).id();
            Some(Cell {
                build,
                run: 1,
                status,
                failure,
            })
        };
        GridRow {
            number,
            cells: BUILDERS.into_iter().map(cell).collect(),
            commit,
        }
    };
    GridView {
        made: at("10:00:01"),
        repo: demo(),
        branch: "main".to_owned(),
        sheet,
        total,
        builders: BUILDERS.map(|name| name.parse().unwrap()).to_vec(),
        rows: numbers.rev().map(row).collect(),
    }
}

/// A hundred commits: the newest ten, and two sheets.
async fn long_branch() -> Function {
    let function = dashboard().await;
    function
        .put_view(&key::grid(&demo(), "main"), &view(None, 90..100, 100))
        .await;
    for (sheet, total) in [(1, 60), (2, 100)] {
        let view = view(Some(sheet), sheet * 30..sheet * 30 + 30, total);
        function
            .put_view(&key::sheet(&demo(), "main", sheet), &view)
            .await;
    }
    function
}

fn has(page: &str, texts: &[&str]) {
    for text in texts {
        assert!(page.contains(text), "{text} is not in {page}");
    }
}

#[tokio::test]
async fn columns_stand_in_groups() {
    let answer = long_branch().await.get("/").await;
    let page = answer.of(200);
    has(
        page,
        &[
            "colspan=\"3\" title=\"linux\"",
            "colspan=\"3\" class=\"g\" title=\"openbsd\"",
            "class=\"up g\" title=\"windows-arm\"",
            "rowspan=\"2\" class=\"up\" title=\"linux-386\"><span>386</span>",
            "class=\"up g\" title=\"aix-ppc64\"><span>aix-ppc64</span>",
            "title=\"linux-386: failed: exit &#60;1&#62;\"",
            "<a class=\"flaky\"",
            "title=\"windows-arm: flaky: it does that\"",
        ],
    );
    let place = |name: &str| page.find(&format!("title=\"{name}\"")).unwrap();
    assert!(place("linux") < place("windows-arm"));
    assert!(place("windows-arm") < place("linux-amd64-race"));
    assert!(place("aix-ppc64") < place("linux-amd64-temp"));
}

#[tokio::test]
async fn it_says_first_whether_the_branch_is_green() {
    let function = long_branch().await;
    let answer = function.get("/").await;
    has(
        answer.of(200),
        &[
            "</i> red</b> 1 of 11 builders",
            ">linux-386</a> <span class=\"muted\">since <a href=\"/commits/3333333333",
            "<span class=\"unseen\"> 1 red</span>",
            "<span class=\"sum\">9 ok, 1 failed, 1 flaky</span>",
        ],
    );
}

#[tokio::test]
async fn a_filter_leaves_what_is_asked_for() {
    let function = long_branch().await;
    let cells = async |query: &str| {
        let answer = function.get(&format!("/?{query}")).await;
        let page = answer.of(200);
        let rows = page.matches("<th scope=\"row\"").count();
        (
            rows,
            page.matches("href=\"/build/").count() - 1 - other_links(page),
            answer,
        )
    };
    assert_eq!(cells("builder=LINUX+amd").await.1, 40);
    assert_eq!(cells("os=openbsd").await.1, 30);
    assert_eq!(cells("os=race").await.1, 10);
    assert_eq!(cells("first=1").await.1, 60);
    assert_eq!(cells("author=ann@EXAMPLE").await.0, 10);
    assert_eq!(cells("author=nobody").await.0, 0);
    let (rows, links, red) = cells("red=1").await;
    assert_eq!((rows, links), (1, 1));
    has(
        red.text(),
        &["1 of 10 commits, 1 of 11 builders", "checked", "Show all"],
    );
    let (_, _, hostile) = cells("builder=%22%3E%3Cscript%3E").await;
    assert!(!hostile.text().contains("<script>\""));
    has(
        hostile.text(),
        &["value=\"&#34;&#62;&#60;script&#62;\"", "No builder passes"],
    );
}

/// Links to builds that are not in the grid: open builds have two each.
fn other_links(page: &str) -> usize {
    let open = page.find("id=\"open\"").unwrap();
    page[open..].matches("href=\"/build/").count()
}

#[tokio::test]
async fn older_commits_lie_on_sheets() {
    let function = long_branch().await;
    let front = function.get("/?red=1").await;
    let older = "rel=\"next\" href=\"/?repo=demo&#38;branch=main&#38;sheet=2&#38;red=1\"";
    has(front.of(200), &["commits 91\u{2013}100 of 100", older]);
    let second = function.get("/?repo=demo&branch=main&sheet=2").await;
    has(
        second.of(200),
        &[
            "commits 61\u{2013}90 of 100",
            "rel=\"prev\" href=\"/?repo=demo&#38;branch=main\"",
            "rel=\"next\" href=\"/?repo=demo&#38;branch=main&#38;sheet=1\"",
            "<title>demo · main · 61\u{2013}90 · Sample farm</title>",
            "name=\"sheet\" value=\"2\"",
        ],
    );
    let settled = "public, max-age=60, stale-while-revalidate=86400";
    assert_eq!(second.header("cache-control"), settled);
    let first = function.get("/?sheet=1").await;
    has(
        first.of(200),
        &[
            "commits 31\u{2013}60 of 100",
            "rel=\"prev\" href=\"/?repo=demo&#38;branch=main&#38;sheet=2\"",
        ],
    );
    let missing = function.get("/?sheet=7").await;
    has(missing.of(404), &["has no sheet 7"]);
    function.get("/?sheet=x").await.of(400);
    function
        .get("/?sheet=1&at=2019-04-25T10:00:00Z")
        .await
        .of(400);
    let json = function.get("/api/grid?sheet=1").await;
    let json: GridView = serde_json::from_slice(&json.body).unwrap();
    assert_eq!(json.sheet, Some(1));
}

#[tokio::test]
async fn a_sheet_with_open_builds_is_a_page_of_now() {
    let function = long_branch().await;
    let mut view = view(Some(2), 60..90, 100);
    view.rows[3].cells[0].as_mut().unwrap().status = Status::Running;
    function
        .put_view(&key::sheet(&demo(), "main", 2), &view)
        .await;
    let answer = function.get("/?sheet=2").await;
    answer.of(200);
    assert!(
        answer
            .header("cache-control")
            .starts_with("public, max-age=1,")
    );
}

#[tokio::test]
async fn the_navigation_goes_along_with_the_branch() {
    let function = dashboard().await;
    let answer = function.get("/?repo=demo&branch=main").await;
    let page = answer.of(200);
    has(
        page,
        &[
            "<a href=\"/?repo=demo&#38;branch=main\" aria-current=\"page\">Grid</a>",
            "<a href=\"/failures?repo=demo&#38;branch=main\">Failures</a>",
            "<a href=\"/builders\">Builders</a>",
        ],
    );
    for way in [
        "/builders",
        "/machines",
        "/queue",
        "/tests",
        "/flakes",
        "/about",
        "/failures",
    ] {
        assert!(
            page.contains(&format!("<a href=\"{way}")),
            "{way} in {page}"
        );
        let answer = function.get(way).await;
        let here = format!("{way}\" aria-current=\"page\"");
        let about = format!("{way}?repo=demo&#38;branch=main\" aria-current=\"page\"");
        let text = answer.text();
        assert!(
            answer.status == 404 || text.contains(&here) || text.contains(&about),
            "{way}: {text}"
        );
        assert!(!text.contains("Nothing lies at"), "{way} is no page");
    }
    // Few builders, not all named by system: nothing to group, all words are there.
    assert!(!page.contains("class=\"grid dense\""));
    assert_eq!(farm().repositories.len(), 2);
}
