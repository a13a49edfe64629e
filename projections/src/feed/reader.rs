//! Reading a feed from a cursor: what is stored, and what is in memory and not stored yet.
//!
//! Owns: telling a cursor that is too old from one that is ahead.
//! Invariant: a page has no hole, and begins right after the cursor.
//! Time: the runtime's clock, for the patience with a cursor that is ahead.

use std::sync::Arc;
use std::time::Duration;

use paravox_domain::commit::Position;
use paravox_domain::id::DeviceId;
use paravox_domain::ports::query::{FeedItem, FeedPage};
use paravox_domain::time::Instant;
use sqlx::Row as _;

use super::hub::Shared;
use crate::db::{Args, Db, DbError, int};

/// The most items of one page.
const PAGE_MAX: usize = 1_000;
/// How often a cursor that is ahead is looked at again.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Reads feeds.
#[derive(Clone)]
pub(super) struct FeedReader {
    db: Db,
    shared: Arc<Shared>,
    ahead_patience: Duration,
}

/// The numbers of a stored feed.
#[derive(Clone, Copy)]
struct Head {
    newest: u64,
    oldest: u64,
}

impl FeedReader {
    pub(super) const fn new(db: Db, shared: Arc<Shared>, ahead_patience: Duration) -> Self {
        Self { db, shared, ahead_patience }
    }

    /// The items after a number.
    pub(super) async fn read(&self, device: DeviceId, after: u64, max: usize) -> Result<FeedPage, DbError> {
        let max = max.clamp(1, PAGE_MAX);
        let mut patience = self.ahead_patience;
        loop {
            if let Some(items) = self.shared.recent_after(device, after, max) {
                return Ok(FeedPage::Items(items));
            }
            let head = self.head(device).await?;
            if after < head.newest {
                return self.stored(device, after, max, head).await;
            }
            if after == head.newest {
                return Ok(FeedPage::Items(Vec::new()));
            }
            // Another process may have offered an item that it is still storing.
            if patience.is_zero() {
                return Ok(FeedPage::Ahead { newest: head.newest.max(self.shared.recent_newest(device)) });
            }
            let now = patience.min(LOOK_EVERY);
            patience -= now;
            tokio::time::sleep(now).await;
        }
    }

    /// The newest number.
    pub(super) async fn newest(&self, device: DeviceId) -> Result<u64, DbError> {
        match self.shared.recent_newest(device) {
            0 => Ok(self.head(device).await?.newest),
            newest => Ok(newest),
        }
    }

    async fn stored(
        &self,
        device: DeviceId,
        after: u64,
        max: usize,
        head: Head,
    ) -> Result<FeedPage, DbError> {
        let too_old = |head: Head| {
            let newest = head.newest.max(self.shared.recent_newest(device));
            FeedPage::TooOld { oldest: head.oldest, newest }
        };
        if after + 1 < head.oldest {
            return Ok(too_old(head));
        }
        let mut args = Args::new();
        args.text(device).count(after).int(max as i64);
        let rows = sqlx::query_with(
            "SELECT number, position, at, body FROM feed_item WHERE device = $1 AND number > $2 ORDER BY number LIMIT $3",
            args.done(),
        )
        .fetch_all(self.db.reads())
        .await?;
        let mut items = Vec::with_capacity(rows.len());
        for row in &rows {
            items.push(FeedItem {
                number: int(row, 0)? as u64,
                position: Position(int(row, 1)? as u64),
                at: Instant(int(row, 2)?),
                body: row.try_get::<&str, _>(3)?.into(),
            });
        }
        if items.first().is_none_or(|item| item.number != after + 1) {
            // Removed since the head was read.
            return Ok(too_old(self.head(device).await?));
        }
        if let Some(last) = items.last().map(|item| item.number)
            && let Some(more) = self.shared.recent_after(device, last, max - items.len().min(max))
        {
            items.extend(more);
        }
        Ok(FeedPage::Items(items))
    }

    async fn head(&self, device: DeviceId) -> Result<Head, DbError> {
        let mut args = Args::new();
        args.text(device);
        let row = sqlx::query_with("SELECT newest, oldest FROM feed_head WHERE device = $1", args.done())
            .fetch_optional(self.db.reads())
            .await?;
        match row {
            Some(row) => Ok(Head { newest: int(&row, 0)? as u64, oldest: int(&row, 1)? as u64 }),
            None => Ok(Head { newest: 0, oldest: 1 }),
        }
    }
}
