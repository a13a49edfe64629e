//! Readers: whoever follows the journal from a position of its own.
//!
//! Owns: what a projection is, the runner that feeds them, and how both are watched.
//! Does not own: what a projection makes of the commits.
//! Invariant: a position moves in the transaction of its result, and only from where it stands (compare and set).

mod ahead;
mod backoff;
mod lane;
mod measure;
mod options;
mod position;
mod queue;
mod runner;
mod source;
mod status;
mod task;

use std::sync::Arc;

use paravox_domain::commit::{Commit, Position};
use paravox_domain::id::DeviceId;
use paravox_domain::ports::Boxed;
use paravox_domain::ports::query::FeedItem;
use paravox_domain::time::Instant;
use sqlx::AnyConnection;

pub(crate) use self::backoff::Backoff;
pub use self::options::RunnerOptions;
pub(crate) use self::position::{advance, standing};
pub use self::runner::{Runner, RunnerHandle};
pub(crate) use self::source::Source;
pub use self::status::{Activity, RunnerStatus};
pub use self::task::TaskHandle;

use crate::db::DbError;

/// A commit as the readers get it: decoded once for all of them, and with its feed items numbered.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The commit.
    pub commit: Commit,
    /// Its feed items, each with its number; empty where no feeds are kept.
    pub items: Arc<[(DeviceId, FeedItem)]>,
}

impl Delivery {
    /// The commit's position.
    pub const fn position(&self) -> Position {
        self.commit.header.position
    }
}

/// Makes tables of commits.
pub trait Projection: Send + Sync + 'static {
    /// Its name: that of its position, and the label of its metrics. Never changes.
    fn name(&self) -> &'static str;

    /// Applies commits that follow its position, in order. The transaction also moves the position; if it does not
    /// commit, [`Self::forget`] is called and the same commits come again.
    fn apply<'a>(
        &'a mut self,
        connection: &'a mut AnyConnection,
        batch: &'a [Delivery],
    ) -> Boxed<'a, Result<(), DbError>>;

    /// The transaction of the last batch has committed.
    fn committed(&mut self) {}

    /// What it remembers of the tables may be wrong: another process has written, or a transaction did not commit.
    fn forget(&mut self) {}

    /// Removes a bounded number of rows that need not be kept any longer; the number that it removed. Called now and
    /// then, in a transaction of its own.
    fn clean<'a>(
        &'a mut self,
        connection: &'a mut AnyConnection,
        now: Instant,
    ) -> Boxed<'a, Result<u64, DbError>> {
        let _ = (connection, now);
        Box::pin(async { Ok(0) })
    }
}
