//! Questions to the event log: everything, one stream, a category, a call, a time.
//!
//! Owns: what an auditor, an operator or a rebuild asks. In pages, in the order of the journal.

use paravox_domain::commit::Recorded;
use paravox_domain::entity::EntityId;
use paravox_domain::id::CallId;
use paravox_domain::ports::query::{Listing, Page, Place};
use paravox_domain::time::Instant;

use super::ArchiveReader;
use super::commits::event;
use crate::db::{Args, DbError, place};

/// The most events of one page.
pub const EVENTS_PAGE_MAX: usize = 1_000;

/// Which events are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Select {
    /// All of the realm's.
    All,
    /// Those of one entity.
    Stream(EntityId),
    /// Those of a category of entities ([`paravox_domain::entity::CATEGORIES`]).
    Category(&'static str),
    /// Those that belong to a call: its own, its session's.
    Call(CallId),
}

/// All selected events after a place, with the conditions that are common to the four statements.
macro_rules! statement {
    ($condition:literal) => {
        concat!(
            "SELECT position, idx, stream, version, at, cause, correlation, data FROM event WHERE ",
            $condition,
            " AND (position, idx) > ($1, $2) AND at >= $3 AND at < $4 ORDER BY position, idx LIMIT $5"
        )
    };
}

impl ArchiveReader {
    /// A part of the event log.
    pub async fn select(&self, select: Select, page: Page) -> Result<Listing<Recorded>, DbError> {
        let limit = page.limit.clamp(1, EVENTS_PAGE_MAX);
        let after =
            page.after.map_or((-1, -1), |place: Place| (place.position.0 as i64, i64::from(place.index)));
        let mut args = Args::new();
        args.int(after.0).int(after.1);
        args.int(page.since.unwrap_or(Instant::MIN).0).int(page.until.unwrap_or(Instant::MAX).0);
        args.int(limit as i64 + 1);
        let text = match select {
            Select::All => statement!("0 = 0"),
            Select::Stream(stream) => {
                args.text(stream);
                statement!("stream = $6")
            }
            Select::Category(category) => {
                args.text(category);
                statement!("category = $6")
            }
            Select::Call(call) => {
                args.text(call);
                statement!("correlation = $6")
            }
        };
        let rows = sqlx::query_with(text, args.done()).fetch_all(self.db.reads()).await?;
        let items = rows
            .iter()
            .take(limit)
            .map(|row| Ok((place(row, 0)?, event(row).map_err(|(_, error)| error)?.1)))
            .collect::<Result<Vec<_>, DbError>>()?;
        Ok(Listing { items, has_more: rows.len() > limit })
    }
}
