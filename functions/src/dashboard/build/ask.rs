//! What one may ask of a build: that it runs once more, or no more.

use axum::http::{HeaderMap, Uri};
use farm_model::view::{BuildView, Status};

use super::Dashboard;
use crate::site::Site;

/// The form, or the way to it.
pub(super) struct Ask {
    /// `retry` or `cancel`.
    pub(super) what: &'static str,
    /// What the button says.
    pub(super) label: &'static str,
    /// Who is signed in, and what shows that the form is ours.
    pub(super) who: Option<Who>,
    /// The build's page, to come back to.
    pub(super) back: String,
}

/// Somebody who is signed in.
pub(super) struct Who {
    pub(super) subject: String,
    pub(super) csrf: String,
}

impl Ask {
    pub(super) fn of(
        dashboard: &Dashboard,
        view: &BuildView,
        headers: &HeaderMap,
        uri: &Uri,
    ) -> Self {
        let site = Site::of(headers, uri);
        let sessions = dashboard.sessions.as_ref();
        let now = dashboard.clock.now();
        let who = sessions.and_then(|sessions| sessions.signed_in(headers, &site, now));
        let (what, label) = match view.status {
            Status::Queued | Status::Running => ("cancel", "Cancel"),
            Status::Ok | Status::Failed | Status::Lost => ("retry", "Run again"),
        };
        Self {
            what,
            label,
            who: who.map(|who| Who {
                subject: who.subject,
                csrf: who.csrf,
            }),
            back: format!("/build/{}", view.build.id),
        }
    }
}
