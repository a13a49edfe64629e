//! The first stage of a lane: reads, checks, decodes, numbers and offers, ahead of the database.
//!
//! Owns: what is live. Items of live commits do not wait for the database; old ones do, since nobody waits for them.
//! Time: ages from the `Clock` port.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use paravox_domain::commit::chain::Link;
use paravox_domain::commit::{Commit, Position};
use paravox_domain::ports::ReadError;

use super::lane::{Outcome, Surroundings};
use super::queue::Sending;
use super::{Activity, Backoff, Delivery, Source};
use crate::db::DbError;
use crate::feed::Numberer;

impl Surroundings {
    /// Reads ahead until something ends it.
    pub(super) async fn read_ahead(
        &self,
        start: Link,
        mut numberer: Option<Numberer>,
        applied: &AtomicU64,
        queue: &Sending,
    ) -> Outcome {
        let mut source = Source::new(Arc::clone(&self.journal), self.db.clone(), start, self.options.pause);
        loop {
            let commits = match source.next(|cause| self.troubled(cause)).await {
                Ok(commits) => commits,
                Err(error) => return Outcome::Damaged(error.to_string()),
            };
            let applied = Position(applied.load(Ordering::Acquire));
            let deliveries = match self.deliver(numberer.as_mut(), commits, applied).await {
                Ok(deliveries) => deliveries,
                Err(outcome) => return outcome,
            };
            for delivery in deliveries {
                let age = self.clock.now().since(delivery.commit.header.at);
                if queue.send(delivery, numberer.is_some() && age < self.options.live_for).await.is_err() {
                    return Outcome::Asked;
                }
            }
        }
    }

    /// The journal cannot be read now.
    pub(super) fn troubled(&self, cause: &ReadError) {
        tracing::warn!(%cause, "the journal cannot be read; trying again");
        let detail = cause.to_string();
        self.status.send_modify(|status| status.activity = Activity::Retrying { detail });
    }

    /// Commits with their items, numbered and offered. `applied` is what is stored.
    pub(super) async fn deliver(
        &self,
        numberer: Option<&mut Numberer>,
        commits: Vec<Commit>,
        applied: Position,
    ) -> Result<Vec<Delivery>, Outcome> {
        let Some(numberer) = numberer else {
            let plain = |commit| Delivery { commit, items: Arc::default() };
            return Ok(commits.into_iter().map(plain).collect());
        };
        let mut backoff = Backoff::new(self.options.pause);
        loop {
            match numberer.number(&commits, applied).await {
                Ok(items) => {
                    let pairs = commits.into_iter().zip(items);
                    return Ok(pairs.map(|(commit, items)| Delivery { commit, items }).collect());
                }
                Err(DbError::Damaged(detail)) => return Err(Outcome::Damaged(detail)),
                Err(DbError::Superseded) => return Err(Outcome::Superseded),
                Err(DbError::Unavailable(cause)) => {
                    tracing::warn!(%cause, "feeds cannot be numbered; trying again");
                    backoff.pause().await;
                }
            }
        }
    }
}
