//! `dashboard`: pages and JSON, rendered from views and logs in the bucket alone. They stay up while the coordinator is
//! away, and say as of when they are.
//!
//! | path | what |
//! |---|---|
//! | `/?repo=&branch=` | how branches stand, commits × builders of one, open builds and why they wait, machines, troubles; with `builder=`, `os=`, `author=`, `red=1`, `first=1` a part of the grid |
//! | `/?repo=&branch=&sheet=N` | thirty older commits × builders |
//! | `/?mode=json`, `/?mode=failures` | the same as programs of 2019 read it |
//! | `/commits/<commit>?repo=` | where a commit stands, and all that was built of it |
//! | `/failures?repo=&branch=` | which commit broke which builder, and red builds by reason |
//! | `/breakages.atom?repo=&branch=` | the same breakages as a feed |
//! | `/badge/<builder>.svg?repo=&branch=` | a picture of how a builder stands |
//! | `/build/<build>` | runs, jobs, attempts, steps, and the log as it grows |
//! | `/read/<build>/<run>/<job>/<attempt>` | its log for people: first error, parts, search `?q=`, lines around `?line=` |
//! | `/log/<build>/<run>/<job>/<attempt>` | the log as it is, or a range of it; with `?gzip` as a file; with `?from=BYTE` a piece, where to go on in `x-log-next`, and whether more may come in `x-log-more` |
//! | `/log/<SHA-1>` | the log of this text, for clients of 2019 |
//! | `/diff?at=&to=` | what happened between two moments; to now without `to` |
//! | `/flakes` | tests that both passed and failed on the same inputs, with their rates |
//! | `/builders`, `/builder/<builder>` | all builders on the newest commits; what one did lately, its trends and flakes |
//! | `/machines`, `/queue`, `/queue/<host type>` | what machines do, and what waits for them |
//! | `/tests?repo=&branch=`, `/test?repo=&branch=&unit=&name=` | tests that failed lately; where one of them did |
//! | `/try/<set>` | the builds of a try set |
//! | `/about` | versions, whether deliveries add up, how old what pages show is |
//! | `/openapi.json` | all of this for programs: `/api/<page>` is what a page is made of; so is `<page>.json`, and the page itself where JSON is preferred ([`forms`]) |
//! | `/api/farm`, `/api/status` | what no single page shows |
//! | `/api/audit` | what people asked for: only with a token as for commands, and only where `FARM_TOKEN_KEY` is set |
//!
//! With `?at=2026-11-24T15:04:05Z`, front page, grid and build are of that moment: from a checkpoint and the lines of history
//! after it. How long an answer is good, [`cache`] says for all of them.

mod about;
mod api;
mod badge;
mod build;
mod builder;
mod builders;
mod cache;
mod cells;
mod commit;
mod diff;
mod failures;
mod feed;
mod filter;
mod flakes;
mod fleet;
mod forms;
mod front;
mod grid;
mod head;
mod links;
mod log;
mod machines;
pub(crate) mod notice;
mod ordered;
mod pages;
mod past;
mod place;
mod problem;
mod queue;
mod read;
mod rendered;
mod set;
mod sheet;
mod shell;
mod standing;
mod tabs;
mod terminal;
mod test;
mod tests;
mod text;
mod trend;
mod trouble;
mod turns;
mod verdict;
mod views;
mod waits;
mod y2019;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use farm_bucket::Bucket;
use farm_model::view::{
    AuditView, BreakagesView, BuildView, BuilderView, CommitView, FarmView, FlakesView, GridView,
    PoolsView, QueueView, SetView, StatusView, TestsView,
};
use farm_runtime::{Clock, Vars};
use tower_http::CompressionLevel;
use tower_http::compression::predicate::{NotForContentType, Predicate};
use tower_http::compression::{CompressionLayer, DefaultPredicate};

use self::rendered::Rendered;
use self::shell::Shell;
use self::standing::Summary;
use self::trouble::not_found;
use self::views::Views;
use crate::doors;
use crate::session::Sessions;

/// What pages are made of.
struct Dashboard {
    bucket: Bucket,
    farm: Views<FarmView>,
    grids: Views<GridView>,
    /// How branches stand, a few seconds ago.
    standings: Views<Summary>,
    breakages: Views<BreakagesView>,
    builds: Views<BuildView>,
    builders: Views<BuilderView>,
    commits: Views<CommitView>,
    pools: Views<PoolsView>,
    queues: Views<QueueView>,
    sets: Views<SetView>,
    tests: Views<TestsView>,
    status: Views<StatusView>,
    flakes: Views<FlakesView>,
    audit: Views<AuditView>,
    summary: builders::Summary,
    /// Of now, by the versions of their views.
    rendered: Rendered,
    /// Of past moments: however many are asked for, the page of now stays.
    pasts: Rendered,
    turns: turns::Turns,
    logs: read::Indexes,
    /// Bytes of a log in one answer.
    longest: log::Longest,
    clock: Clock,
    /// What the tokens of those are signed with who may see what others asked for.
    tokens: Option<String>,
    /// Who is signed in, to whom pages offer what they may ask for.
    sessions: Option<Sessions>,
}

/// The function.
///
/// # Errors
/// A setting is missing or wrong.
pub fn build(vars: &Vars) -> anyhow::Result<Router> {
    let bucket = doors::bucket(vars)?;
    let dashboard = Dashboard {
        farm: Views::new(bucket.clone()),
        grids: Views::new(bucket.clone()),
        standings: Views::every(tabs::FRESH, bucket.clone()),
        breakages: Views::new(bucket.clone()),
        builds: Views::new(bucket.clone()),
        builders: Views::new(bucket.clone()),
        commits: Views::new(bucket.clone()),
        pools: Views::new(bucket.clone()),
        queues: Views::new(bucket.clone()),
        sets: Views::new(bucket.clone()),
        tests: Views::new(bucket.clone()),
        status: Views::new(bucket.clone()),
        flakes: Views::new(bucket.clone()),
        audit: Views::new(bucket.clone()),
        summary: builders::Summary::default(),
        rendered: Rendered::default(),
        pasts: Rendered::default(),
        turns: turns::Turns::default(),
        logs: read::Indexes::default(),
        longest: log::Longest::read(vars),
        bucket,
        clock: Clock::system(),
        tokens: vars.read("FARM_TOKEN_KEY")?,
        sessions: Sessions::read(vars)?,
    };
    let dashboard = Arc::new(dashboard);
    let policy = HeaderValue::from_str(&Shell::policy())?;
    let router = for_people(&dashboard)
        .merge(for_programs())
        .fallback(not_found)
        .layer(from_fn(cache::kept))
        .layer(from_fn_with_state(policy, guarded))
        .layer(
            CompressionLayer::new()
                .quality(CompressionLevel::Fastest)
                .compress_when(compressible()),
        )
        .with_state(dashboard);
    Ok(router
        .clone()
        .layer(from_fn_with_state(router, forms::chosen)))
}

/// For people.
fn for_people(dashboard: &Arc<Dashboard>) -> Router<Arc<Dashboard>> {
    let modes = from_fn_with_state(Arc::clone(dashboard), y2019::modes);
    Router::new()
        .route("/", get(front::page).layer(modes))
        .route("/about", get(about::page))
        .route("/badge/{file}", get(badge::serve))
        .route("/breakages.atom", get(feed::serve))
        .route("/build/{build}", get(build::page))
        .route("/builder/{builder}", get(builder::page))
        .route("/builders", get(builders::page))
        .route("/commits/{commit}", get(commit::page))
        .route("/diff", get(diff::page))
        .route("/failures", get(failures::page))
        .route("/flakes", get(flakes::page))
        .route("/log/{build}/{run}/{job}/{attempt}", get(log::serve))
        .route("/log/{hash}", get(log::by_hash))
        .route("/machines", get(machines::page))
        .route("/openapi.json", get(about::openapi))
        .route("/queue", get(queue::all_page))
        .route("/queue/{host}", get(queue::page))
        .route("/read/{build}/{run}/{job}/{attempt}", get(read::page))
        .route("/test", get(test::page))
        .route("/tests", get(tests::page))
        .route("/try/{set}", get(set::page))
}

/// For programs.
fn for_programs() -> Router<Arc<Dashboard>> {
    Router::new()
        .route("/api/about", get(about::json))
        .route("/api/audit", get(api::audit))
        .route("/api/build/{build}", get(api::build))
        .route("/api/builder/{builder}", get(api::builder))
        .route("/api/builders", get(builders::json))
        .route("/api/commits/{commit}", get(api::commit))
        .route("/api/diff", get(diff::json))
        .route("/api/failures", get(failures::api))
        .route("/api/farm", get(api::farm))
        .route("/api/flakes", get(api::flakes))
        .route("/api/grid", get(api::grid))
        .route("/api/machines", get(machines::json))
        .route("/api/queue", get(queue::all_json))
        .route("/api/queue/{host}", get(api::queue))
        .route("/api/status", get(api::status))
        .route("/api/test", get(test::json))
        .route("/api/tests", get(api::tests))
        .route("/api/try/{set}", get(api::set))
}

/// What is compressed already stays as it is.
fn compressible() -> impl Predicate {
    DefaultPredicate::new().and(NotForContentType::const_new("application/gzip"))
}

/// Nothing that a commit or a log says can become more than text.
async fn guarded(State(policy): State<HeaderValue>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
