//! Device feeds: items numbered 1, 2, 3 … for each device, offered at once, stored, read from a cursor.
//!
//! Owns: the numbers (`numberer`), the tables (`projection`), the watchers in this process (`hub`), reading (`reader`).
//! Does not own: which events become items, nor what a device sees of them (`domain::feed`).
//! Invariant: the number of an item is a function of the journal alone; between two numbers nothing is missing.

mod hub;
mod numberer;
mod projection;
mod reader;
mod recent;

use std::time::Duration;

use paravox_domain::time::Span;

pub use self::hub::FeedHub;
pub(crate) use self::numberer::Numberer;
pub use self::projection::FeedProjection;

/// The name of the reader.
pub const READER: &str = "feeds";

/// What of the feeds is kept, and how they are watched.
#[derive(Clone, Debug)]
pub struct FeedOptions {
    /// The newest items of a device that are kept. Up to [`Self::items_slack`] more are.
    pub items_max: u64,
    /// Items over the limit that are removed together.
    pub items_slack: u64,
    /// How long an item is kept.
    pub age_max: Span,
    /// Items of all devices that are kept in memory, for whoever reads before they are stored.
    pub recent_max: usize,
    /// Items that wait for one watcher; one that has more is told to read.
    pub waiting_max: usize,
    /// How often a watcher is told to read when nothing comes, so that a lost item is found.
    pub read_every: Duration,
    /// How long a reader whose cursor is ahead is made to wait: the item may be on its way into the database.
    pub ahead_patience: Duration,
}

impl Default for FeedOptions {
    fn default() -> Self {
        Self {
            items_max: 10_000,
            items_slack: 1_000,
            age_max: Span::seconds(7 * 24 * 3600),
            recent_max: 16_384,
            waiting_max: 256,
            read_every: Duration::from_secs(5),
            ahead_patience: Duration::from_secs(2),
        }
    }
}
