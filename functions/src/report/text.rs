//! What mail says: plain text, of which no line is a stranger's to begin.

use std::collections::BTreeSet;
use std::fmt::Write;

use anyhow::bail;
use farm_model::id::{AttemptKey, CommitId, RepoName};
use farm_model::message::result::{BuildersBroken, BuildersMended, MachineBack, MachineMissing};
use farm_model::view::Breakage;
use farm_runtime::Vars;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

use super::news::News;

/// Builders that are each told of with their logs; of more, all stand in one list.
const EACH: usize = 5;
/// Of a stranger's text, in characters.
const LONGEST: usize = 300;
/// Of a commit's first line in a subject, in characters.
const SUBJECT: usize = 60;

/// A letter's words.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) subject: String,
    pub(super) body: String,
}

/// Where people find the pages, if that is known: `FARM_URL`.
#[derive(Debug)]
pub(super) struct Pages(Option<String>);

impl Pages {
    pub(super) fn open(vars: &Vars) -> anyhow::Result<Self> {
        let Some(text) = vars.get("FARM_URL") else {
            return Ok(Self(None));
        };
        let url = text.parse::<Url>().ok();
        if !url.is_some_and(|url| matches!(url.scheme(), "http" | "https")) {
            bail!(
                "FARM_URL is {text:?}; it is where people find the pages, such as https://build.example.org/"
            );
        }
        Ok(Self(Some(text.trim_end_matches('/').to_owned())))
    }

    fn commit(&self, repo: &RepoName, commit: &CommitId) -> Option<String> {
        let base = self.0.as_ref()?;
        let repo = utf8_percent_encode(repo.as_str(), NON_ALPHANUMERIC);
        Some(format!("{base}/commits/{commit}?repo={repo}"))
    }

    fn log(&self, attempt: Option<&AttemptKey>) -> Option<String> {
        let (base, of) = (self.0.as_ref()?, attempt?);
        Some(format!(
            "{base}/read/{}/{}/{}/{}",
            of.build, of.run, of.job, of.attempt
        ))
    }
}

impl News {
    /// What a letter says of it.
    pub(super) fn text(&self, pages: &Pages) -> Text {
        match self {
            Self::Broken(broken) => of_broken(broken, pages),
            Self::Mended(mended) => of_mended(mended, pages),
            Self::Missing(missing) => of_missing(missing),
            Self::Back(back) => of_back(back),
        }
    }
}

fn of_broken(news: &BuildersBroken, pages: &Pages) -> Text {
    let count = builders(news.breakages.len());
    let first_line = news.breakages.first().map_or("", |of| of.subject.as_str());
    let subject: String = plain(first_line).chars().take(SUBJECT).collect();
    let (repo, branch, commit) = (&news.repo, plain(&news.branch), news.commit.short());
    let mut body = format!(
        "{count} of {repo}, branch {branch}, broke with {}:\n\n",
        news.commit
    );
    say_commit(&mut body, &news.breakages, pages.commit(repo, &news.commit));
    for breakage in &news.breakages {
        let reason = plain(&breakage.failure.reason);
        line(&mut body, &format!("{}: {reason}", breakage.builder));
        if news.breakages.len() <= EACH
            && let Some(log) = pages.log(breakage.failure.attempt.as_ref())
        {
            line(&mut body, &format!("    {log}"));
        }
    }
    let greens: BTreeSet<&str> = news.breakages.iter().map(|of| of.green.short()).collect();
    let greens = greens.into_iter().collect::<Vec<_>>().join(", ");
    line(
        &mut body,
        &format!("\nThe commit before, {greens}, was green there."),
    );
    Text {
        subject: format!("[farm] {repo} {branch}: {count} broken by {commit} ({subject})"),
        body,
    }
}

fn of_mended(news: &BuildersMended, pages: &Pages) -> Text {
    let count = builders(news.breakages.len());
    let (repo, branch) = (&news.repo, plain(&news.branch));
    let by = news.breakages.iter().filter_map(|of| of.mended.as_ref());
    let by: BTreeSet<&str> = by.map(|mended| mended.commit.short()).collect();
    let by = by.into_iter().collect::<Vec<_>>().join(", ");
    let mut body = format!(
        "{count} of {repo}, branch {branch}, that {} had broken: green again.\n\n",
        news.commit
    );
    say_commit(&mut body, &news.breakages, pages.commit(repo, &news.commit));
    for breakage in &news.breakages {
        let mended = breakage.mended.as_ref();
        let at = mended.map_or("", |mended| mended.commit.short());
        line(&mut body, &format!("{}: green at {at}", breakage.builder));
    }
    Text {
        subject: format!("[farm] {repo} {branch}: {count} mended by {by}"),
        body,
    }
}

/// What the commit is, which all of them have in common.
fn say_commit(body: &mut String, breakages: &[Breakage], link: Option<String>) {
    if let Some(of) = breakages.first() {
        line(body, &format!("    {}", plain(&of.subject)));
        line(body, &format!("    {}", plain(&of.author)));
    }
    if let Some(link) = link {
        line(body, &format!("    {link}"));
    }
    line(body, "");
}

fn of_missing(news: &MachineMissing) -> Text {
    let (machine, host) = (&news.machine, &news.host_type);
    Text {
        subject: format!("[farm] your machine {machine} is missing"),
        body: format!(
            "Your machine {machine} ({host}) has been away since {}.\n\
             It was last connected to the hub {}.\n\
             You will hear when it is back; until then nothing more is said of it.\n",
            news.since.strftime("%F %H:%M UTC"),
            news.hub
        ),
    }
}

fn of_back(news: &MachineBack) -> Text {
    let (machine, host) = (&news.machine, &news.host_type);
    Text {
        subject: format!("[farm] your machine {machine} is back"),
        body: format!(
            "Your machine {machine} ({host}) is connected again since {}, to the hub {}.\n\
             It was away since {}.\n",
            news.at.strftime("%F %H:%M UTC"),
            news.hub,
            news.since.strftime("%F %H:%M UTC")
        ),
    }
}

fn builders(count: usize) -> String {
    match count {
        1 => "1 builder".to_owned(),
        count => format!("{count} builders"),
    }
}

fn line(body: &mut String, text: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(body, "{text}");
}

/// A stranger's text on one line, and not long: nothing in it can begin a line, or a header.
pub(super) fn plain(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let short = text.chars().take(LONGEST).map(plain).collect::<String>();
    short.trim().to_owned()
}

/// What stands in a list with commas or spaces.
pub(super) fn listed(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(|c: char| c == ',' || c.is_whitespace());
    parts.filter(|part| !part.is_empty())
}
