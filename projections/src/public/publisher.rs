//! The reader that publishes.
//!
//! Owns: its position, retries, and giving way to another process that publishes.
//! Invariant: at least once, in order for as long as nothing fails; whoever hears an event twice knows it by its id.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesOrdered, StreamExt as _};
use paravox_domain::commit::Commit;
use paravox_domain::commit::chain::Link;
use paravox_domain::ports::query::PublicBus;
use paravox_domain::ports::{AnyJournal, Cause};
use tokio_util::sync::CancellationToken;

use super::{PublicEvent, READER, public_events};
use crate::db::{Db, DbError};
use crate::reader::{Backoff, Source, TaskHandle, advance, standing};

/// Bounds and times of a [`Publisher`].
#[derive(Clone, Debug)]
pub struct PublicOptions {
    /// The most events that are on their way to the bus at a time.
    pub in_flight_max: usize,
    /// The first and the longest pause after a failure.
    pub pause: (Duration, Duration),
    /// How long the position may stand still, with more to publish, before this process takes over from another one.
    pub takeover_after: Duration,
}

impl Default for PublicOptions {
    fn default() -> Self {
        Self {
            in_flight_max: 256,
            pause: (Duration::from_millis(100), Duration::from_secs(10)),
            takeover_after: Duration::from_secs(5),
        }
    }
}

/// Publishes what is public.
pub struct Publisher {
    journal: AnyJournal,
    db: Db,
    bus: Arc<dyn PublicBus>,
    options: PublicOptions,
}

/// Why publishing has stopped.
enum Ended {
    /// Another process publishes.
    Superseded,
    /// The data are damaged.
    Damaged(String),
}

impl Publisher {
    /// Publishes on this bus.
    pub fn new(journal: AnyJournal, db: Db, bus: Arc<dyn PublicBus>, options: PublicOptions) -> Self {
        Self { journal, db, bus, options }
    }

    /// Starts. The task ends by itself only when the data are damaged.
    pub fn start(self) -> TaskHandle {
        TaskHandle::start("public events", |stop| self.run(stop))
    }

    async fn run(self, stop: CancellationToken) {
        let working = async {
            loop {
                let link = self.locate().await;
                match self.publish_from(link).await {
                    Ended::Superseded => self.watch_the_other().await,
                    Ended::Damaged(detail) => {
                        tracing::error!(detail, "public events are no longer published");
                        metrics::counter!("paravox_reader_stopped_total").increment(1);
                        return;
                    }
                }
            }
        };
        // Nothing is lost by stopping at any point: what was not recorded as published is published again.
        tokio::select! {
            () = stop.cancelled() => {}
            () = working => {}
        }
    }

    async fn locate(&self) -> Link {
        let mut backoff = Backoff::new(self.options.pause);
        loop {
            match standing(&self.db).await {
                Ok(standing) => return standing.get(READER).copied().unwrap_or(Link::START),
                Err(error) => {
                    tracing::warn!(%error, "the position of public events cannot be read; trying again");
                }
            }
            backoff.pause().await;
        }
    }

    async fn publish_from(&self, mut link: Link) -> Ended {
        let mut source = Source::new(Arc::clone(&self.journal), self.db.clone(), link, self.options.pause);
        loop {
            let next =
                source.next(|cause| tracing::warn!(%cause, "the journal cannot be read; trying again"));
            let commits = match next.await {
                Ok(commits) => commits,
                Err(error) => return Ended::Damaged(error.to_string()),
            };
            let Some(last) = commits.last() else { continue };
            let target = Link { position: last.header.position, digest: last.digest };
            self.publish_until_done(&commits).await;
            if let Err(ended) = self.record(link, target).await {
                return ended;
            }
            link = target;
        }
    }

    async fn publish_until_done(&self, commits: &[Commit]) {
        let events: Vec<PublicEvent> = commits.iter().flat_map(public_events).collect();
        let mut backoff = Backoff::new(self.options.pause);
        let mut done = 0;
        while done < events.len() {
            let (published, failed) = self.publish(&events[done..]).await;
            done += published;
            metrics::counter!("paravox_public_events_total").increment(published as u64);
            if let Some(cause) = failed {
                tracing::warn!(%cause, "the bus does not take public events; trying again");
                if published > 0 {
                    backoff.reset();
                }
                backoff.pause().await;
            }
        }
    }

    /// Publishes in order; the number of events up to the first that failed.
    async fn publish(&self, events: &[PublicEvent]) -> (usize, Option<Cause>) {
        let mut in_flight = FuturesOrdered::new();
        let mut waiting = events.iter();
        let mut published = 0;
        loop {
            while in_flight.len() < self.options.in_flight_max.max(1)
                && let Some(PublicEvent { subject, id, body }) = waiting.next()
            {
                in_flight.push_back(self.bus.publish(subject, id, body.clone()));
            }
            match in_flight.next().await {
                Some(Ok(())) => published += 1,
                Some(Err(cause)) => return (published, Some(cause)),
                None => return (published, None),
            }
        }
    }

    async fn record(&self, from: Link, to: Link) -> Result<(), Ended> {
        let mut backoff = Backoff::new(self.options.pause);
        loop {
            let moved = async {
                let mut transaction = self.db.begin().await?;
                advance(&mut transaction, READER, from.position, to).await?;
                transaction.commit().await?;
                Ok::<_, DbError>(())
            };
            match moved.await {
                Ok(()) => return Ok(()),
                Err(DbError::Superseded) => {
                    // It may be our own, of which we did not learn.
                    let found = standing(&self.db).await.ok().and_then(|found| found.get(READER).copied());
                    return if found == Some(to) { Ok(()) } else { Err(Ended::Superseded) };
                }
                Err(DbError::Damaged(detail)) => return Err(Ended::Damaged(detail)),
                Err(DbError::Unavailable(cause)) => {
                    tracing::warn!(%cause, "the position of public events cannot be stored; trying again");
                    backoff.pause().await;
                }
            }
        }
    }

    /// Waits until the position stands still although there is more to publish.
    async fn watch_the_other(&self) {
        let mut before = self.locate().await;
        loop {
            tokio::time::sleep(self.options.takeover_after).await;
            let now = self.locate().await;
            let more = self.journal.end().await.is_ok_and(|end| end > now.position);
            if now == before && more {
                return;
            }
            before = now;
        }
    }
}
