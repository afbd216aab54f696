//! A little picture of how a builder stands on a branch, for other pages to embed.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use farm_model::view::{GridView, key};

use super::Dashboard;
use super::cache::{Keep, tagged};
use super::failures::{farm, no_branch};
use super::place::{self, WantedQuery};
use super::sheet::digest;
use super::standing::Standing;
use super::trouble::Trouble;

/// Pixels of a character, and around a text.
const CHARACTER: usize = 7;
const AROUND: usize = 10;

#[derive(Template)]
#[template(path = "badge.svg", escape = "html")]
struct Badge<'a> {
    builder: &'a str,
    word: &'static str,
    colour: &'static str,
    /// Pixels of the two halves, and of the texts in them.
    left: usize,
    right: usize,
    builder_text: usize,
    word_text: usize,
}

pub(super) async fn serve(
    State(dashboard): State<Arc<Dashboard>>,
    Path(file): Path<String>,
    query: WantedQuery,
) -> Result<Response, Trouble> {
    let shown: String = file.chars().take(100).collect();
    let missing = || {
        Trouble::Missing(format!(
            "There is no badge {shown}: it would be /badge/, a builder of the branch, and .svg."
        ))
    };
    let builder = file.strip_suffix(".svg").ok_or_else(missing)?;
    let farm = farm(&dashboard).await?;
    let place = place::find(&farm.view, &place::wanted(query))?.ok_or_else(no_branch)?;
    let key = key::grid(&place.repo.name, place.branch);
    let grid = dashboard.grids.get(&key).await?.ok_or_else(missing)?;
    let (word, colour) = state(&grid.view, builder).ok_or_else(missing)?;
    let badge = badge(builder, word, colour);
    let kind = [(header::CONTENT_TYPE, "image/svg+xml")];
    let tag = digest(&format!("{builder} {word}"));
    Ok((Keep::Minute, tagged(&tag, (kind, badge.render()?))).into_response())
}

/// By its newest build that tells anything; nothing where the branch has no such builder.
fn state(view: &GridView, builder: &str) -> Option<(&'static str, &'static str)> {
    let column = view
        .builders
        .iter()
        .position(|name| name.as_str() == builder)?;
    let standing = Standing::of(view);
    let is_red = standing.red.iter().any(|red| red.column == column);
    let is_silent = standing.silent.contains(&column);
    Some(match (is_red, is_silent) {
        (true, _) => ("failing", "#a81e17"),
        (_, true) => ("no result", "#565f6d"),
        _ => ("passing", "#136a2e"),
    })
}

fn badge<'a>(builder: &'a str, word: &'static str, colour: &'static str) -> Badge<'a> {
    let builder_text = builder.chars().count() * CHARACTER;
    let word_text = word.chars().count() * CHARACTER;
    Badge {
        builder,
        word,
        colour,
        left: builder_text + AROUND,
        right: word_text + AROUND,
        builder_text,
        word_text,
    }
}
