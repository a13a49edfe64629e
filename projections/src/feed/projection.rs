//! The stored feeds: items and heads.
//!
//! Owns: the tables `feed_item` and `feed_head`, and what of them is removed.
//! Does not own: the numbers; they come with the delivery.
//! Invariants: items are stored without a hole from `oldest` to `newest`; what is removed for being too many is a function
//! of the newest number alone, so that a rebuilt feed equals the live one.
//! Time: the instant for removal by age is handed in.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use paravox_domain::commit::Position;
use paravox_domain::id::DeviceId;
use paravox_domain::ports::Boxed;
use paravox_domain::ports::query::FeedItem;
use paravox_domain::time::Instant;
use sqlx::AnyConnection;

use super::{FeedOptions, READER};
use crate::db::{Args, DbError, Insert, int, parse};
use crate::reader::{Delivery, Projection};

/// Items that one step of cleaning looks at.
const CLEAN_STEP: i64 = 500;

static ITEMS: LazyLock<Insert> =
    LazyLock::new(|| Insert::new("feed_item", &["device", "number", "position", "at", "body"], ""));
static HEADS: LazyLock<Insert> = LazyLock::new(|| {
    Insert::new(
        "feed_head",
        &["device", "newest", "oldest", "position"],
        "ON CONFLICT (device) DO UPDATE SET newest = excluded.newest, position = excluded.position, oldest = CASE WHEN \
         excluded.oldest > feed_head.oldest THEN excluded.oldest ELSE feed_head.oldest END",
    )
});

/// Stores the feeds.
#[derive(Debug)]
pub struct FeedProjection {
    options: FeedOptions,
}

/// What a batch adds to one feed.
struct Added {
    first: u64,
    newest: u64,
    position: Position,
}

impl FeedProjection {
    /// Feeds of which so much is kept.
    pub const fn new(options: FeedOptions) -> Self {
        Self { options }
    }

    /// The oldest number that is kept when `newest` is the newest one: a step function, so that many go at once.
    fn oldest(&self, newest: u64) -> u64 {
        let slack = self.options.items_slack.max(1);
        ((newest / slack) * slack).saturating_sub(self.options.items_max.max(1)) + 1
    }

    async fn store(&self, connection: &mut AnyConnection, batch: &[Delivery]) -> Result<(), DbError> {
        let items: Vec<&(DeviceId, FeedItem)> =
            batch.iter().flat_map(|delivery| delivery.items.iter()).collect();
        let mut feeds: BTreeMap<DeviceId, Added> = BTreeMap::new();
        for (device, item) in items.iter().copied() {
            let added = feeds.entry(*device).or_insert(Added {
                first: item.number,
                newest: item.number,
                position: item.position,
            });
            added.newest = item.number;
            added.position = item.position;
        }
        ITEMS
            .run(connection, &items, |args, (device, item)| {
                args.text(device).count(item.number).count(item.position.0).int(item.at.0).text(&item.body);
            })
            .await?;
        let heads: Vec<_> = feeds.iter().collect();
        HEADS
            .run(connection, &heads, |args, (device, added)| {
                args.text(device)
                    .count(added.newest)
                    .count(self.oldest(added.newest))
                    .count(added.position.0);
            })
            .await?;
        for (device, added) in feeds {
            let oldest = self.oldest(added.newest);
            if oldest > self.oldest(added.first.saturating_sub(1)) {
                remove(connection, device, oldest).await?;
            }
        }
        Ok(())
    }

    async fn remove_aged(&self, connection: &mut AnyConnection, now: Instant) -> Result<u64, DbError> {
        let mut args = Args::new();
        args.int((now - self.options.age_max).0).int(CLEAN_STEP);
        let rows = sqlx::query_with(
            "SELECT device, number FROM feed_item WHERE at < $1 ORDER BY at LIMIT $2",
            args.done(),
        )
        .fetch_all(&mut *connection)
        .await?;
        let mut aged: BTreeMap<DeviceId, u64> = BTreeMap::new();
        for row in rows {
            let number = int(&row, 1)? as u64;
            let newest = aged.entry(parse(&row, 0, "a feed's device has another form")?).or_insert(number);
            *newest = number.max(*newest);
        }
        let mut removed = 0;
        for (device, number) in aged {
            removed += remove(connection, device, number + 1).await?;
            let mut args = Args::new();
            args.text(device).count(number + 1);
            sqlx::query_with(
                "UPDATE feed_head SET oldest = $2 WHERE device = $1 AND oldest < $2",
                args.done(),
            )
            .execute(&mut *connection)
            .await?;
        }
        Ok(removed)
    }
}

/// Removes the items of a device before a number.
async fn remove(connection: &mut AnyConnection, device: DeviceId, oldest: u64) -> Result<u64, DbError> {
    let mut args = Args::new();
    args.text(device).count(oldest);
    let done = sqlx::query_with("DELETE FROM feed_item WHERE device = $1 AND number < $2", args.done())
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}

impl Projection for FeedProjection {
    fn name(&self) -> &'static str {
        READER
    }

    fn apply<'a>(
        &'a mut self,
        connection: &'a mut AnyConnection,
        batch: &'a [Delivery],
    ) -> Boxed<'a, Result<(), DbError>> {
        Box::pin(self.store(connection, batch))
    }

    fn clean<'a>(
        &'a mut self,
        connection: &'a mut AnyConnection,
        now: Instant,
    ) -> Boxed<'a, Result<u64, DbError>> {
        Box::pin(self.remove_aged(connection, now))
    }
}
