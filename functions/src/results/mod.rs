//! `results`: where mirrors and builders of 2019 post what they know (spec `dashboard.md` 3, 4).
//!
//! | path | does |
//! |---|---|
//! | `GET /commit?packagePath=&hash=` | looks a commit up |
//! | `POST /commit?version=3&key=` | a mirror tells a commit: we read commits from git, so that it is only looked for |
//! | `GET /packages?kind=subrepo\|external` | lists repositories |
//! | `POST /tag?key=` | a mirror tells where a branch is: we see that in git |
//! | `POST /building?builder=&key=&hash=&gohash=&url=` | a builder says that it builds: the coordinator knows what does |
//! | `POST /result?version=1&builder=&key=` | a builder whose machines are not ours tells a result: its log is stored, then `commands` |
//! | `/todo` | is gone: work is given, not asked for |
//!
//! Keys are those of 2019, where `FARM_BUILDER_MASTER_KEY` switches them on. The answer is the envelope of 2019; where a client
//! of 2019 reads an error's text, its status is 200.

mod body;
mod commit;
mod packages;
mod posts;
mod result;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use farm_bucket::Bucket;
use farm_bus::Bus;
use farm_model::Timestamp;
use farm_runtime::{Clock, Ids, Vars};

use crate::documents::Documents;
use crate::doors;
use crate::limit::{Limit, address};
use crate::y2019::envelope::Refusal;
use crate::y2019::keys::BuilderKeys;

/// Bytes of a body: a commit with its message.
const LARGEST: usize = 1 << 20;

struct Results {
    bucket: Bucket,
    documents: Documents,
    bus: Bus,
    keys: BuilderKeys,
    limit: Limit,
    strangers: Limit,
    clock: Clock,
    ids: Ids,
}

impl Results {
    /// Whether `key` is the builder's; and neither it nor a stranger asks too often.
    fn authenticate(
        &self,
        builder: &str,
        key: &str,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if let Err(refusal) = self.keys.check(builder, key) {
            self.strangers.take(address(headers), now)?;
            return Err(refusal);
        }
        let many = self.limit.take(builder, now);
        many.map_err(Refusal::later_2019)
    }
}

/// The function.
///
/// # Errors
/// A setting is missing or wrong.
pub fn build(vars: &Vars) -> anyhow::Result<Router> {
    let bucket = doors::bucket(vars)?;
    let results = Results {
        documents: Documents::new(bucket.clone()),
        bucket,
        bus: doors::bus(vars)?,
        keys: BuilderKeys::read(vars)?,
        limit: Limit::commands(),
        strangers: Limit::strangers(),
        clock: Clock::system(),
        ids: Ids::system(),
    };
    let large = DefaultBodyLimit::max(result::LARGEST + LARGEST);
    Ok(Router::new()
        .route("/commit", get(commit::look_up).post(commit::tell))
        .route("/packages", get(packages::list))
        .route("/tag", post(posts::tag))
        .route("/building", post(posts::building))
        .route("/todo", get(todo).post(todo))
        .layer(DefaultBodyLimit::max(LARGEST))
        .route("/result", post(result::post).layer(large))
        .with_state(Arc::new(results)))
}

async fn todo() -> (StatusCode, &'static str) {
    let text =
        "work is given to machines by the coordinator: nothing can be asked for here any more\n";
    (StatusCode::GONE, text)
}
