//! Limits of the writer, each with its name and default (invariant 9).

use std::time::Duration;

use paravox_domain::commit::COMMIT_BYTES_MAX;
use paravox_domain::time::Span;

/// Limits of the writer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriterConfig {
    /// Commands that wait to be admitted. Beyond it a command is refused as busy, with a time to come back.
    pub queue_max: usize,
    /// Commands whose answer waits for an append. At the limit no further command is taken from the queue.
    pub unanswered_max: usize,
    /// The largest commit in bytes; at most [`COMMIT_BYTES_MAX`].
    pub commit_bytes_max: usize,
    /// Appends that are under way at the same time. They keep their order.
    pub appends_in_flight_max: usize,
    /// How long an append is tried before the writer steps down and answers its callers that the outcome is unknown.
    pub append_patience: Duration,
    /// Commands that wait for the archive. Beyond it a command that would wait is refused as busy.
    pub parked_max: usize,
    /// Questions to the archive at the same time.
    pub fetches_in_flight_max: usize,
    /// How long the archive is asked before the commands that wait for it are refused as busy.
    pub fetch_patience: Duration,
    /// Settled commands whose first answer is kept in memory; older ones are asked of the archive.
    pub window_ids_max: usize,
    /// Settled commands that the archive has not confirmed, and that must stay in memory. At the limit repeatable
    /// commands are refused as busy.
    pub unconfirmed_ids_max: usize,
    /// Memory of the filter that tells new command ids from settled ones without asking the archive, in bytes. Too little
    /// of it costs questions to the archive, never a wrong answer.
    pub filter_bytes: usize,
    /// How long a settled command is remembered, at least.
    pub remembered_for: Span,
    /// Entities that are kept in memory though nothing is going on with them.
    pub residents_keep: usize,
    /// A journal of at most so many commits is followed from its start. Of a longer one only what can still be going on;
    /// the archive has the rest.
    pub replay_all_commits_max: u64,
    /// How often the archive is asked how far it has come.
    pub confirm_every: Duration,
    /// The longest rest before deadlines are looked at again, should the clock have jumped.
    pub look_every: Duration,
}

impl Default for WriterConfig {
    fn default() -> Self {
        Self {
            queue_max: 8_192,
            unanswered_max: 16_384,
            commit_bytes_max: COMMIT_BYTES_MAX,
            appends_in_flight_max: 1,
            append_patience: Duration::from_secs(30),
            parked_max: 4_096,
            fetches_in_flight_max: 4,
            fetch_patience: Duration::from_secs(5),
            window_ids_max: 100_000,
            unconfirmed_ids_max: 1_000_000,
            filter_bytes: 64 * 1024 * 1024,
            remembered_for: Span::seconds(24 * 3600),
            residents_keep: 1_000_000,
            replay_all_commits_max: 100_000,
            confirm_every: Duration::from_millis(250),
            look_every: Duration::from_secs(1),
        }
    }
}
