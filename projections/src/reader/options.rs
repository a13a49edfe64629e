//! Options of the runner: bounds and times, each with its default.

use std::time::Duration;

use paravox_domain::time::Span;

/// Bounds and times of a [`super::Runner`].
#[derive(Clone, Debug)]
pub struct RunnerOptions {
    /// The most commits of one transaction.
    pub commits_max: usize,
    /// A transaction takes no further commit once it has this many events.
    pub events_max: usize,
    /// The most commits that wait between the journal and the database.
    pub queue_max: usize,
    /// A reader that is further behind the foremost one than so many commits, because it is new or is built again,
    /// catches up in a lane of its own: the others do not wait for it.
    pub apart_max: u64,
    /// A commit that is younger is live: its feed items do not wait for the database, however slow that is.
    pub live_for: Span,
    /// How long a reader that another process runs may stand still, with more to read, before this one takes over.
    pub takeover_after: Duration,
    /// How often a passive runner looks where the active one stands.
    pub watch_every: Duration,
    /// The first and the longest pause after a failure.
    pub pause: (Duration, Duration),
    /// How often rows that need not be kept are removed. Several times at once while there are many.
    pub clean_every: Duration,
}

impl Default for RunnerOptions {
    fn default() -> Self {
        Self {
            commits_max: 512,
            events_max: 8192,
            queue_max: 1024,
            apart_max: 1024,
            live_for: Span::seconds(60),
            takeover_after: Duration::from_secs(5),
            watch_every: Duration::from_millis(50),
            pause: (Duration::from_millis(50), Duration::from_secs(5)),
            clean_every: Duration::from_secs(1),
        }
    }
}
