//! The archive: every event as a row, every commit's envelope, and the commands that may be repeated.
//!
//! Owns: the tables `event`, `commit_log` and `command`; reading them for the writer (`reader`).
//! Does not own: the events' stored form (`domain::stored`).
//! Invariant: what the archive holds of an entity is what was applied, version by version; nothing of it is ever changed,
//! and only commands are removed, after their time.
//! Time: the instant for removal is handed in.

mod commits;
mod projection;
mod query;
mod reader;

use paravox_domain::time::Span;

pub(crate) use self::commits::archived_commits;
pub use self::projection::ArchiveProjection;
pub use self::query::{EVENTS_PAGE_MAX, Select};
pub use self::reader::ArchiveReader;

/// The name of the reader.
pub const READER: &str = "archive";

/// The shortest time for which commands are kept: a repeat within it gets the first answer.
pub const COMMANDS_KEPT_MIN: Span = Span::seconds(24 * 3600);

/// What of the archive is kept for how long. Events are kept for ever.
#[derive(Clone, Copy, Debug)]
pub struct ArchiveOptions {
    /// How long a repeatable command is kept. At least [`COMMANDS_KEPT_MIN`]; a shorter time counts as that.
    pub commands_kept: Span,
    /// The most commands that one step removes.
    pub clean_step: u32,
}

impl Default for ArchiveOptions {
    fn default() -> Self {
        Self { commands_kept: Span::seconds(48 * 3600), clean_step: 2_000 }
    }
}
