//! Which of a function's paths takes what no client sends: events of a topic, and the calls that the time makes.

use axum::Router;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use farm_model::event::Topic;

/// What calls a function besides its clients. On a port the platform posts to these paths itself; on Lambda, where queues and
/// schedules have no paths, this is how a path is found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Triggers {
    pushes: Vec<Push>,
    ticks: Vec<String>,
    kept: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Push {
    /// The subscription `<topic>-<function>`, which a queue is named after, and the topic: a notification names that alone.
    sources: [String; 2],
    path: String,
}

impl Triggers {
    /// The same, and events of `topic` for `function` are posted to `path`.
    #[must_use]
    pub fn push(mut self, topic: Topic, function: &str, path: &str) -> Self {
        self.pushes.push(Push {
            sources: [format!("{topic}-{function}"), topic.name().to_owned()],
            path: path.to_owned(),
        });
        self
    }

    /// The same, and the time calls `path`.
    #[must_use]
    pub fn tick(mut self, path: &str) -> Self {
        self.ticks.push(path.to_owned());
        self
    }

    /// The path for events from the queue or topic `arn`, whose name may have a prefix: `…:farm-results-report`. Where there
    /// is one path alone, names do not matter.
    pub(super) fn push_path(&self, arn: &str) -> Option<&str> {
        let name = arn.rsplit(':').next().unwrap_or_default();
        let named = |source: &String| is_named(name, source);
        let found = self
            .pushes
            .iter()
            .find(|push| push.sources.iter().any(named));
        let found = found.map(|push| push.path.as_str());
        found.or_else(|| only(self.pushes.iter().map(|push| push.path.as_str())))
    }

    /// The path for a call of the time: the one that it names, which must be one of ours, or else the only one.
    pub(super) fn tick_path(&self, named: Option<&str>) -> Option<&str> {
        let mut ticks = self.ticks.iter().map(String::as_str);
        match named {
            Some(path) => ticks.find(|tick| *tick == path),
            None => only(ticks),
        }
    }

    /// The same, and on a port, too, nobody reaches these paths: one that no platform guards.
    #[must_use]
    pub fn kept(self) -> Self {
        Self { kept: true, ..self }
    }

    /// `router` as it may be served on a port: without what is [kept](Self::kept).
    pub fn on_port(&self, router: Router) -> Router {
        if !self.kept {
            return router;
        }
        let triggers = self.clone();
        router.layer(from_fn(move |request: Request, next: Next| {
            let theirs = triggers.own(request.method(), request.uri().path());
            async move {
                if theirs {
                    StatusCode::NOT_FOUND.into_response()
                } else {
                    next.run(request).await
                }
            }
        }))
    }

    /// Whether such a request is what events or the time make: from anybody else it would say that they did.
    pub(super) fn own(&self, method: &Method, path: &str) -> bool {
        let pushed = self.pushes.iter().any(|push| push.path == path);
        *method == Method::POST && (pushed || self.ticks.iter().any(|tick| tick == path))
    }
}

fn is_named(name: &str, source: &str) -> bool {
    let prefix = name.strip_suffix(source);
    prefix.is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('-'))
}

/// The path that all of `paths` are.
fn only<'a>(mut paths: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let first = paths.next()?;
    paths.all(|path| path == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: &str = "arn:aws:sqs:eu-west-1:123456789012:farm-results-report";

    #[test]
    fn a_queue_or_topic_is_known_by_the_end_of_its_name() {
        let triggers = Triggers::default()
            .push(Topic::Results, "report", "/report")
            .push(Topic::Activity, "mirror", "/mirror");
        assert_eq!(triggers.push_path(QUEUE), Some("/report"));
        let topic = "arn:aws:sns:eu-west-1:123456789012:activity";
        assert_eq!(triggers.push_path(topic), Some("/mirror"));
        let other = "arn:aws:sns:eu-west-1:123456789012:radioactivity";
        assert_eq!(triggers.push_path(other), None);
    }

    #[test]
    fn the_only_path_takes_everything_and_none_takes_nothing() {
        let one = Triggers::default().push(Topic::Progress, "x", "/x");
        assert_eq!(one.push_path(QUEUE), Some("/x"));
        assert_eq!(one.tick_path(None), None);
        assert_eq!(Triggers::default().push_path(QUEUE), None);
    }

    #[test]
    fn the_time_calls_the_paths_of_ticks_alone() {
        let one = Triggers::default().tick("/sweep");
        assert_eq!(one.tick_path(None), Some("/sweep"));
        assert_eq!(one.tick_path(Some("/admin")), None);
        let two = one.tick("/retry");
        assert_eq!(two.tick_path(None), None);
        assert_eq!(two.tick_path(Some("/retry")), Some("/retry"));
        assert!(two.own(&Method::POST, "/retry") && !two.own(&Method::POST, "/"));
        assert!(!two.own(&Method::GET, "/retry"));
    }
}
