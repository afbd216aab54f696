//! `results`: where mirrors and builders of 2019 post what they know (spec `dashboard.md` 3, 4).
//!
//! | path | does |
//! |---|---|
//! | `GET /commit?packagePath=&hash=` | looks a commit up |
//! | `POST /commit?version=3&key=` | a mirror tells a commit: we read commits from git, so that it is only looked for |
//! | `GET /packages?kind=subrepo\|external` | lists repositories |
//! | `POST /tag?key=` | a mirror tells where a branch is: we see that in git |
//! | `POST /building?builder=&key=&hash=&gohash=&url=` | a builder says that it builds: the coordinator knows what does |
//! | `/todo` | is gone: work is given, not asked for |
//!
//! Keys are those of 2019, where `FARM_BUILDER_MASTER_KEY` switches them on. The answer is the envelope of 2019; where a client
//! of 2019 reads an error's text, its status is 200.

mod body;
mod commit;
mod packages;
mod posts;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{get, post};
use farm_runtime::Vars;

use crate::documents::Documents;
use crate::doors;
use crate::y2019::keys::BuilderKeys;

/// Bytes of a body: a commit with its message.
const LARGEST: usize = 1 << 20;

struct Results {
    documents: Documents,
    keys: BuilderKeys,
}

/// The function.
///
/// # Errors
/// A setting is missing or wrong.
pub fn build(vars: &Vars) -> anyhow::Result<Router> {
    let results = Results {
        documents: Documents::new(doors::bucket(vars)?),
        keys: BuilderKeys::read(vars)?,
    };
    Ok(Router::new()
        .route("/commit", get(commit::look_up).post(commit::tell))
        .route("/packages", get(packages::list))
        .route("/tag", post(posts::tag))
        .route("/building", post(posts::building))
        .route("/todo", get(todo).post(todo))
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state(Arc::new(results)))
}

async fn todo() -> (StatusCode, &'static str) {
    let text =
        "work is given to machines by the coordinator: nothing can be asked for here any more\n";
    (StatusCode::GONE, text)
}
