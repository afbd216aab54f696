//! Everything else than machines: pages.

use super::{Doors, Request};
use crate::site::PROBED;

/// Answers one request and closes.
pub async fn answer((head, stream): Request, doors: &Doors) {
    let probed = head.path() == PROBED;
    let stream = head.rewind(stream);
    if probed {
        doors.site.probed(stream).await;
    } else {
        doors.site.serve(stream).await;
    }
}
