//! Ways through the commits of a branch: its newest, and sheets of thirty for ever.

use farm_model::view::{GridView, SHEET_ROWS, sheet_of};

use super::filter::Filter;
use super::place::{Place, address};
use super::text::thousands;

/// Where a page of commits lies, and the pages beside it.
pub(super) struct Pages {
    /// `commits 1,201–1,230 of 20,000`.
    pub(super) position: String,
    /// The front page, from a page that is neither it nor beside it.
    pub(super) newest: Option<String>,
    pub(super) newer: Option<String>,
    pub(super) older: Option<String>,
}

/// A page of commits of which the branch has `total`; none where all of them are on it.
pub(super) fn pages(
    view: &GridView,
    total: u64,
    place: &Place<'_>,
    filter: &Filter,
) -> Option<Pages> {
    let (first, last) = (view.rows.first()?.number, view.rows.last()?.number);
    let to = |sheet: Option<u64>| {
        let sheet = sheet.map(|sheet| format!("&sheet={sheet}"));
        let front = address(&place.repo.name, Some(place.branch), None);
        front + &sheet.unwrap_or_default() + &filter.query()
    };
    let older = last.checked_sub(1).map(sheet_of);
    let newer = view.sheet.map(|sheet| newer(sheet, total));
    (older.is_some() || newer.is_some()).then(|| Pages {
        position: format!(
            "commits {}\u{2013}{} of {}",
            thousands(last + 1),
            thousands(first + 1),
            thousands(total)
        ),
        newest: newer.flatten().map(|_| to(None)),
        newer: newer.map(to),
        older: older.map(|sheet| to(Some(sheet))),
    })
}

/// The next sheet, unless the front page shows all that comes after this one.
fn newer(sheet: u64, total: u64) -> Option<u64> {
    let next = sheet.saturating_add(1);
    let begins = next.saturating_mul(SHEET_ROWS);
    (begins.saturating_add(SHEET_ROWS) < total).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_pages_end_at_the_front_page() {
        assert_eq!(newer(0, 100), Some(1));
        assert_eq!(newer(1, 100), Some(2));
        assert_eq!(newer(2, 100), None, "70 to 99 are on the front page");
        assert_eq!(newer(3, 100), None);
        assert_eq!(newer(2, 120), None);
        assert_eq!(newer(2, 121), Some(3));
        assert_eq!(newer(u64::MAX, 100), None);
    }
}
