//! Results become mail and calls of webhooks.

mod hook_server;
mod hooks;
mod mail;
mod mail_server;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use farm_bucket::folder_url;
use farm_model::Timestamp;
use farm_model::event::{Event, Message};
use farm_model::message::result::{BuildersBroken, BuildersMended};
use farm_model::record::BuildKey;
use farm_model::view::{Breakage, Failure, Mended};
use farm_runtime::{Clock, Vars, event};
use jiff::SignedDuration;
use tempfile::TempDir;
use tower::ServiceExt;

use crate::sample::{at, commit, key_of};

/// The function with a clock of its own; instances share a bucket.
struct Reporter {
    clock: Clock,
    vars: Vars,
    router: Router,
    _folder: TempDir,
}

impl Reporter {
    fn start(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bucket = folder_url(folder.path()).unwrap();
        let vars = Vars::default()
            .with("FARM_BUCKET", &bucket)
            .with("FARM_URL", "https://farm.example/");
        let vars = settings
            .iter()
            .fold(vars, |vars, (name, value)| vars.with(name, value));
        let clock = Clock::manual(at("12:00:00"));
        Self {
            router: functions::report::build_at(&vars, clock.clone()).unwrap(),
            clock,
            vars,
            _folder: folder,
        }
    }

    fn another(&self) -> Router {
        functions::report::build_at(&self.vars, self.clock.clone()).unwrap()
    }

    async fn push(&self, event: &Event) -> u16 {
        push(self.router.clone(), event).await
    }

    fn wait(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }
}

/// A push in structured mode; binary mode and Pub/Sub's are tested where they are read.
async fn push(router: Router, event: &Event) -> u16 {
    let request = Request::post("/report")
        .header("content-type", "application/cloudevents+json")
        .body(Body::from(event::structured_json(event).unwrap()));
    let answer = router.oneshot(request.unwrap()).await.unwrap();
    answer.status().as_u16()
}

fn breakage(builder: &str, subject: &str) -> Breakage {
    let broke = commit('b', subject);
    let key: BuildKey = key_of(builder, &broke);
    Breakage {
        builder: key.builder.clone(),
        repo: key.repo.clone(),
        branch: key.branch.clone(),
        commit: broke.id,
        subject: broke.subject,
        author: "Ann <b>Example <Ann@example.com>".to_owned(),
        green: commit('a', "").id,
        build: key.id(),
        run: 1,
        failure: Failure {
            reason: "step test: exit status 1".to_owned(),
            attempt: Some(format!("{}/1/steps/1", key.id()).parse().unwrap()),
            log: None,
            by_chance: false,
        },
        at: at("11:00:00"),
        mended: None,
    }
}

fn event_of<M: Message>(id: &str, message: &M) -> Event {
    let time: Timestamp = at("11:01:00");
    Event::of(id.to_owned(), "/coordinator", time, message).unwrap()
}

/// That a commit with this first line broke so many builders.
fn broken(count: usize, subject: &str) -> Event {
    let breakages: Vec<Breakage> = (1..=count)
        .map(|n| breakage(&format!("linux-{n}"), subject))
        .collect();
    let message = BuildersBroken {
        repo: breakages[0].repo.clone(),
        branch: breakages[0].branch.clone(),
        commit: breakages[0].commit.clone(),
        part: 1,
        breakages,
    };
    event_of("broken:demo:main:b:1", &message)
}

fn mended() -> Event {
    let mut breakage = breakage("linux-1", "x");
    breakage.mended = Some(Mended {
        commit: commit('c', "").id,
        at: at("11:30:00"),
    });
    let message = BuildersMended {
        repo: breakage.repo.clone(),
        branch: breakage.branch.clone(),
        commit: breakage.commit.clone(),
        part: 1,
        breakages: vec![breakage],
    };
    event_of("mended:demo:main:b:1", &message)
}
