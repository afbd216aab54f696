//! Breakages of a branch as an Atom feed (RFC 4287): an entry when a commit breaks a builder, another when it is mended.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use farm_model::Timestamp;
use farm_model::view::{Breakage, BreakagesView, FarmView, key};
use sha2::{Digest, Sha256};

use super::Dashboard;
use super::cache::tagged;
use super::commit;
use super::failures::{farm, no_branch};
use super::place::{self, Place, WantedQuery};
use super::sheet::digest;
use super::trouble::Trouble;
use crate::site::Site;

/// Entries of a feed: the newest.
const MOST: usize = 100;

#[derive(Template)]
#[template(path = "breakages.xml")]
struct Feed {
    id: String,
    title: String,
    updated: Timestamp,
    /// What addresses begin with.
    origin: String,
    this: String,
    page: String,
    entries: Vec<Entry>,
}

struct Entry {
    id: String,
    title: String,
    updated: Timestamp,
    author: String,
    page: String,
    text: String,
}

pub(super) async fn serve(
    State(dashboard): State<Arc<Dashboard>>,
    query: WantedQuery,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let wanted = place::wanted(query);
    let farm = farm(&dashboard).await?;
    let place = place::find(&farm.view, &wanted)?.ok_or_else(no_branch)?;
    let key = key::breakages(&place.repo.name, place.branch);
    let document = dashboard.breakages.get(&key).await?;
    let view = document.as_ref().map(|document| &document.view);
    let version = document.as_ref().map_or("", |document| &document.tag);
    let origin = Site::of(&headers, &uri).origin();
    let names = digest(&format!("{}\n{}\n{origin}", farm.view.name, place.query()));
    let tag = format!("a{version}-{names}");
    let page = match dashboard.rendered.get(&tag) {
        Some(page) => page,
        None => {
            let feed = feed(origin, &farm.view, &place, view).render()?;
            dashboard
                .rendered
                .keep_as("application/atom+xml", &tag, &feed)?
        }
    };
    Ok(tagged(&tag, page.answer(&headers)))
}

fn feed(origin: String, farm: &FarmView, place: &Place<'_>, view: Option<&BreakagesView>) -> Feed {
    let name = &farm.name;
    let breakages = view.map_or(&[][..], |view| &view.breakages);
    let mut entries: Vec<Entry> = breakages
        .iter()
        .flat_map(|breakage| mended(breakage).into_iter().chain([broken(breakage)]))
        .collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.updated));
    entries.truncate(MOST);
    let newest = entries.first().map(|entry| entry.updated);
    Feed {
        id: urn(&["feed", name, place.repo.name.as_str(), place.branch]),
        title: plain(&format!("{name}: {} {}", place.repo.name, place.branch)),
        updated: newest.or(view.map(|view| view.made)).unwrap_or(farm.made),
        this: format!("/breakages.atom{}", place.query()),
        page: format!("/failures{}", place.query()),
        origin,
        entries,
    }
}

fn broken(breakage: &Breakage) -> Entry {
    let Breakage {
        builder,
        commit,
        subject,
        ..
    } = breakage;
    let run = breakage.run.to_string();
    Entry {
        id: urn(&["broken", breakage.build.as_str(), &run]),
        title: plain(&format!(
            "{builder} is broken by {}: {subject}",
            commit.short()
        )),
        updated: breakage.at,
        author: plain(author(breakage)),
        page: format!("/build/{}", breakage.build),
        text: plain(&breakage.failure.reason),
    }
}

fn mended(breakage: &Breakage) -> Option<Entry> {
    let by = breakage.mended.as_ref()?;
    let builder = &breakage.builder;
    let run = breakage.run.to_string();
    Some(Entry {
        id: urn(&["mended", breakage.build.as_str(), &run, by.commit.as_str()]),
        title: plain(&format!(
            "{builder} is green again at {}",
            by.commit.short()
        )),
        updated: by.at,
        author: plain(author(breakage)),
        page: commit::address(&breakage.repo, &by.commit),
        text: plain(&format!(
            "It was broken by {}: {}",
            breakage.commit.short(),
            breakage.subject
        )),
    })
}

/// The name without the address: feeds are read by machines that collect those.
fn author(breakage: &Breakage) -> &str {
    let name = breakage.author.split('<').next().unwrap_or_default().trim();
    if name.is_empty() { "unknown" } else { name }
}

/// A name that stays, wherever the farm is moved to (RFC 4287, section 4.2.6; RFC 9562, version 8).
fn urn(parts: &[&str]) -> String {
    let digest = Sha256::digest(parts.join("\n"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = hex::encode(bytes);
    let (a, b, c, d, e) = (
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    );
    format!("urn:uuid:{a}-{b}-{c}-{d}-{e}")
}

/// Without what XML 1.0 has no way to write.
fn plain(text: &str) -> String {
    let fits = |c: &char| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}');
    text.chars().filter(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_uuid_of_what_is_named() {
        let urn_of = |text| urn(&["feed", text]);
        let name = urn_of("a");
        assert_eq!(name.len(), "urn:uuid:".len() + 36);
        assert_eq!(&name[23..24], "8", "{name}");
        assert_eq!(name, urn_of("a"));
        assert_ne!(name, urn_of("b"));
    }
}
