//! Everything else than machines: pages.

use super::{Doors, Request};

/// Answers one request and closes.
pub async fn answer((head, stream): Request, doors: &Doors) {
    doors.site.serve(head.rewind(stream)).await;
}
