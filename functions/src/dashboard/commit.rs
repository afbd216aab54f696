//! The page of a commit: where it stands, and all that was built of it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use farm_model::id::{CommitId, RepoName};
use farm_model::record::{Against, BuildKind, CommitInfo};
use farm_model::view::{BuildLine, CommitView, Status, key, sheet_of};

use super::Dashboard;
use super::cache::tagged;
use super::cells::{Badge, counts};
use super::place::{self, WantedQuery, query};
use super::sheet::digest;
use super::shell::Shell;
use super::text::{Moment, between, thousands};
use super::trouble::Trouble;
use super::views::Document;

#[derive(Template)]
#[template(path = "commit.html")]
struct CommitPage<'a> {
    shell: Shell,
    repo: &'a str,
    /// The page of the repository.
    front: String,
    commit: &'a CommitInfo,
    time: Moment,
    /// Each with its address.
    parents: Vec<(&'a str, String)>,
    places: Vec<Stands<'a>>,
    /// `93 ok, 2 failed`, over all groups.
    counts: String,
    groups: Vec<Group<'a>>,
    is_open: bool,
}

/// Where it stands on a branch.
struct Stands<'a> {
    branch: &'a str,
    number: String,
    address: String,
}

/// Builds on one branch against one commit of the main repository, or of one try set.
struct Group<'a> {
    title: String,
    counts: String,
    /// What did not come out well, worst first, and what is open.
    lines: Vec<Line<'a>>,
    fine: Vec<Line<'a>>,
}

/// A build.
struct Line<'a> {
    build: &'a str,
    builder: &'a str,
    badge: Badge,
    run: u32,
    reason: &'a str,
    log: Option<String>,
    took: Option<String>,
    opened: Moment,
}

/// The page of a commit.
pub(super) fn address(repo: &RepoName, commit: &CommitId) -> String {
    format!("/commits/{commit}{}", query(repo, None))
}

pub(super) async fn page(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<String>,
    wanted: WantedQuery,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let document = load(&dashboard, &id, wanted).await?;
    let farm = dashboard.farm.get(key::FARM).await?;
    let farm = farm.as_ref().map_or("", |farm| &farm.view.name);
    let tag = format!("{}-{}", document.tag, digest(farm));
    let page = match dashboard.rendered.get(&tag) {
        Some(page) => page,
        None => {
            let html = page_of(farm, &document.view).render()?;
            dashboard.rendered.keep(&tag, &html)?
        }
    };
    Ok(tagged(&tag, page.answer(&headers)))
}

/// The view of the commit `id` of the repository that the query names, by default the first.
pub(super) async fn load(
    dashboard: &Dashboard,
    id: &str,
    wanted: WantedQuery,
) -> Result<Arc<Document<CommitView>>, Trouble> {
    let missing = || {
        let id: String = id.chars().take(100).collect();
        Trouble::Missing(format!(
            "Nothing is known of a commit {id} in this repository; another one may have it: add ?repo= and its name."
        ))
    };
    let farm = dashboard.farm.get(key::FARM).await?.ok_or_else(missing)?;
    let repo = place::repository(&farm.view, &place::wanted(wanted))?.ok_or_else(missing)?;
    let commit: CommitId = id.parse().map_err(|_| missing())?;
    let key = key::commit(&repo.name, &commit);
    dashboard.commits.get(&key).await?.ok_or_else(missing)
}

fn page_of<'a>(farm: &str, view: &'a CommitView) -> CommitPage<'a> {
    let commit = &view.commit;
    let title = format!("{} · {}", commit.id.short(), view.repo);
    let parents = commit.parents.iter();
    CommitPage {
        shell: Shell::new(title, farm, Some(view.made)),
        repo: view.repo.as_str(),
        front: format!("/{}", query(&view.repo, None)),
        time: Moment(commit.time),
        parents: parents
            .map(|parent| (parent.short(), address(&view.repo, parent)))
            .collect(),
        places: view
            .places
            .iter()
            .map(|place| stands(view, place))
            .collect(),
        counts: counts(view.builds.iter().map(badge)),
        groups: groups(&view.builds),
        is_open: view
            .builds
            .iter()
            .any(|line| matches!(line.status, Status::Queued | Status::Running)),
        commit,
    }
}

fn stands<'a>(view: &CommitView, (branch, number): &'a (String, u64)) -> Stands<'a> {
    Stands {
        branch,
        number: thousands(number + 1),
        address: format!(
            "/{}&sheet={}",
            query(&view.repo, Some(branch)),
            sheet_of(*number)
        ),
    }
}

fn groups(builds: &[BuildLine]) -> Vec<Group<'_>> {
    let mut lines: Vec<&BuildLine> = builds.iter().collect();
    lines.sort_by(|one, other| group_of(one).cmp(&group_of(other)));
    lines
        .chunk_by(|one, next| group_of(one) == group_of(next))
        .map(group)
        .collect()
}

/// What makes a group, in the order of groups.
fn group_of(line: &BuildLine) -> impl Ord + '_ {
    let against = line.against.as_ref();
    let against = against.map(|against| (&against.branch, against.commit.as_str()));
    (kind_rank(&line.kind), line.branch.as_str(), against)
}

/// What was pushed comes before what was tried.
fn kind_rank(kind: &BuildKind) -> (u8, &str) {
    match kind {
        BuildKind::PostSubmit => (0, ""),
        BuildKind::Try { set } => (1, set),
        BuildKind::Canary { identity } => (2, identity),
    }
}

fn group<'a>(lines: &[&'a BuildLine]) -> Group<'a> {
    let (fine, mut rest): (Vec<&BuildLine>, Vec<&BuildLine>) =
        lines.iter().partition(|line| line.status == Status::Ok);
    rest.sort_by_key(|line| worst_first(line));
    Group {
        title: lines.first().map(|line| title(line)).unwrap_or_default(),
        counts: counts(lines.iter().map(|line| badge(line))),
        lines: rest.into_iter().map(line_of).collect(),
        fine: fine.into_iter().map(line_of).collect(),
    }
}

/// `main`, `main against go at 0123abcd (release-branch.go1.12)`, `try set 7 on main`.
fn title(line: &BuildLine) -> String {
    let branch = &line.branch;
    let mut title = match &line.kind {
        BuildKind::PostSubmit => branch.clone(),
        BuildKind::Try { set } => format!("try set {set} on {branch}"),
        BuildKind::Canary { .. } => format!("trial of a machine on {branch}"),
    };
    if let Some(Against {
        repo,
        commit,
        branch,
    }) = &line.against
    {
        title += &format!(" against {repo} at {} ({branch})", commit.short());
    }
    title
}

fn worst_first(line: &BuildLine) -> (u8, String) {
    let badge = badge(line);
    let rank = match line.status {
        Status::Failed if badge != Badge::FLAKY => 0,
        Status::Lost => 1,
        Status::Failed => 2,
        Status::Running => 3,
        Status::Queued => 4,
        Status::Ok => 5,
    };
    (rank, line.builder.to_string())
}

fn badge(line: &BuildLine) -> Badge {
    Badge::of(line.status, line.failure.as_ref())
}

fn line_of(line: &BuildLine) -> Line<'_> {
    let failure = line.failure.as_ref();
    let attempt = failure.and_then(|failure| failure.attempt.as_ref());
    let span = line.began.zip(line.finished);
    Line {
        build: line.build.as_str(),
        builder: line.builder.as_str(),
        badge: badge(line),
        run: line.run,
        reason: failure.map_or("", |failure| failure.reason.as_str()),
        log: attempt.map(|attempt| format!("/read/{attempt}")),
        took: span.map(|(began, finished)| between(began, finished)),
        opened: Moment(line.opened),
    }
}
