//! Commits × builders, as the page shows them.

use farm_model::message::progress::Outcome;
use farm_model::view::{Cell, GridRow, GridView, Status};

use super::text::Moment;

/// With more builders than this, columns are as narrow as a symbol.
const ROOMY: usize = 8;

/// A state as class, symbol and word: never by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Badge {
    pub(super) class: &'static str,
    pub(super) symbol: &'static str,
    pub(super) word: &'static str,
}

impl Badge {
    /// The same colour and symbol with another word.
    pub(super) fn saying(self, word: &'static str) -> Self {
        Self { word, ..self }
    }
}

impl From<Status> for Badge {
    fn from(status: Status) -> Self {
        let symbol = match status {
            Status::Queued => "\u{2026}",
            Status::Running => "\u{25b8}",
            Status::Ok => "\u{2713}",
            Status::Failed => "\u{2717}",
            Status::Lost => "!",
        };
        Self {
            class: status.as_str(),
            symbol,
            word: status.as_str(),
        }
    }
}

impl From<Outcome> for Badge {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Ok => Status::Ok,
            Outcome::Failed => Status::Failed,
            Outcome::Lost => Status::Lost,
        })
    }
}

/// All that a legend has to explain.
pub(super) const LEGEND: [Status; 5] = [
    Status::Ok,
    Status::Failed,
    Status::Running,
    Status::Queued,
    Status::Lost,
];

/// The table.
pub(super) struct Grid {
    pub(super) builders: Vec<String>,
    pub(super) rows: Vec<Row>,
    /// Columns are narrow.
    pub(super) dense: bool,
    /// What became of the newest commit, as `3 ok, 1 running`.
    pub(super) head: String,
    pub(super) legend: Vec<Badge>,
}

/// A commit.
pub(super) struct Row {
    pub(super) commit: String,
    pub(super) short: String,
    pub(super) subject: String,
    pub(super) author: String,
    pub(super) time: Moment,
    pub(super) cells: Vec<Option<Link>>,
}

/// A build.
pub(super) struct Link {
    pub(super) build: String,
    pub(super) badge: Badge,
    /// `linux-test: failed, run 2`.
    pub(super) label: String,
}

impl From<&GridView> for Grid {
    fn from(view: &GridView) -> Self {
        let builders: Vec<String> = view.builders.iter().map(ToString::to_string).collect();
        Self {
            rows: view.rows.iter().map(|line| row(line, &builders)).collect(),
            dense: builders.len() > ROOMY,
            head: view.rows.first().map(counts).unwrap_or_default(),
            legend: LEGEND.map(Badge::from).to_vec(),
            builders,
        }
    }
}

fn row(row: &GridRow, builders: &[String]) -> Row {
    let commit = &row.commit;
    // A view that lacks a cell at the end of a line shows it as one that nobody wants.
    let cells = row
        .cells
        .iter()
        .map(Option::as_ref)
        .chain(std::iter::repeat(None));
    Row {
        commit: commit.id.to_string(),
        short: commit.id.short().to_owned(),
        subject: commit.subject.clone(),
        author: commit.author.clone(),
        time: Moment(commit.time),
        cells: std::iter::zip(builders, cells)
            .map(|(builder, cell)| cell.map(|cell| link(builder, cell)))
            .collect(),
    }
}

fn link(builder: &str, cell: &Cell) -> Link {
    let status = cell.status.as_str();
    let label = match cell.run {
        ..=1 => format!("{builder}: {status}"),
        run => format!("{builder}: {status}, run {run}"),
    };
    Link {
        build: cell.build.to_string(),
        badge: cell.status.into(),
        label,
    }
}

fn counts(row: &GridRow) -> String {
    let count = |status: Status| {
        let cells = row.cells.iter().flatten();
        let count = cells.filter(|cell| cell.status == status).count();
        (count > 0).then(|| format!("{count} {}", status.as_str()))
    };
    let counts: Vec<String> = LEGEND.into_iter().filter_map(count).collect();
    counts.join(", ")
}
