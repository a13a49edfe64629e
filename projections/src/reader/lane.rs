//! A lane: one follow of the journal, read ahead of the database, for a set of projections.
//!
//! Two stages, so that a feed's item is offered while the transaction of an earlier one is still under way: the first
//! reads, checks, decodes, numbers and offers; the second applies whatever has come in one transaction.
//!
//! Owns: the bounds of the queue between the two, retries, and when to give way to another process.
//! Invariant: a commit is applied once; all that was applied moved its position in the same transaction.
//! Time: the runtime's clock for pauses and measurements; instants from the `Clock` port for ages.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use paravox_domain::commit::Position;
use paravox_domain::commit::chain::Link;
use paravox_domain::ports::{AnyJournal, Clock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::{
    Activity, Backoff, Delivery, Projection, RunnerOptions, RunnerStatus, Source, advance, standing,
};
use crate::db::{Db, DbError};
use crate::feed::Numberer;

/// What a lane works with.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) journal: AnyJournal,
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) options: RunnerOptions,
    pub(super) status: Arc<watch::Sender<RunnerStatus>>,
    pub(super) stop: CancellationToken,
}

/// A projection and where it stands.
pub(super) struct Member {
    pub(super) projection: Box<dyn Projection>,
    pub(super) link: Link,
}

/// Why a lane ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was asked to.
    Asked,
    /// It has come close to the foremost reader.
    CaughtUp,
    /// Another process is ahead.
    Superseded,
    /// The data are damaged.
    Damaged(String),
}

/// A delivery on its way to the database, with its share of the queue's room.
struct Queued {
    delivery: Delivery,
    _room: OwnedSemaphorePermit,
}

impl Surroundings {
    /// The same, with a stop of its own.
    pub(super) fn with_stop(&self, stop: CancellationToken) -> Self {
        Self { stop, ..self.clone() }
    }

    /// Applies what is committed until something ends it; with `catching_up`, until the foremost reader is close.
    pub(super) async fn run(
        &self,
        members: &mut [Member],
        numberer: Option<Numberer>,
        catching_up: bool,
    ) -> Outcome {
        let Some(start) = members.iter().map(|member| member.link).min_by_key(|link| link.position) else {
            return Outcome::Asked;
        };
        let (sender, mut receiver) = mpsc::channel(self.options.queue_max);
        let applied = Arc::new(AtomicU64::new(start.position.0));
        let room = Arc::new(Semaphore::new(self.room()));
        let reading =
            self.clone().read_ahead(start, numberer, Arc::clone(&applied), sender, Arc::clone(&room));
        let reading = AbortOnDropHandle::new(tokio::spawn(reading));
        let mut clean = tokio::time::interval(self.options.clean_every);
        clean.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut batch: Vec<Delivery> = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Outcome::Asked,
                _ = clean.tick() => {
                    self.measure_end(members).await;
                    self.clean(members).await;
                }
                queued = receiver.recv() => {
                    let Some(queued) = queued else {
                        return reading.await.unwrap_or_else(|error| Outcome::Damaged(error.to_string()));
                    };
                    self.gather(&mut batch, queued, &mut receiver);
                    if let Some(outcome) = self.apply_until_done(members, &batch).await {
                        return outcome;
                    }
                    if let Some(last) = batch.last() {
                        applied.store(last.position().0, Ordering::Release);
                    }
                    self.measure(members, &batch, self.room() - room.available_permits());
                    batch.clear();
                    if catching_up && self.is_close(members) {
                        return Outcome::CaughtUp;
                    }
                }
            }
        }
    }

    /// Whether the foremost reader is close.
    fn is_close(&self, members: &[Member]) -> bool {
        let foremost = self.status.borrow().positions.values().max().copied().unwrap_or(Position::START);
        members.iter().all(|member| member.link.position.0 + self.options.apart_max / 2 >= foremost.0)
    }

    /// Takes whatever has come, within the bounds of one transaction.
    fn gather(&self, batch: &mut Vec<Delivery>, first: Queued, receiver: &mut mpsc::Receiver<Queued>) {
        let mut events = first.delivery.commit.events.len();
        batch.push(first.delivery);
        while batch.len() < self.options.commits_max && events < self.options.events_max {
            let Ok(next) = receiver.try_recv() else { break };
            events += next.delivery.commit.events.len();
            batch.push(next.delivery);
        }
    }

    /// Applies a batch, again and again until it is applied or never can be.
    async fn apply_until_done(&self, members: &mut [Member], batch: &[Delivery]) -> Option<Outcome> {
        let mut backoff = Backoff::new(self.options.pause);
        loop {
            let error = match self.apply(members, batch).await {
                Ok(()) => {
                    self.report(members, Activity::Active);
                    return None;
                }
                Err(error) => error,
            };
            for member in &mut *members {
                member.projection.forget();
            }
            match error {
                DbError::Damaged(detail) => return Some(Outcome::Damaged(detail)),
                // A commit whose acknowledgement was lost, or another process.
                DbError::Superseded if self.has_been_applied(members, batch).await => {
                    self.report(members, Activity::Active);
                    return None;
                }
                DbError::Superseded => return Some(Outcome::Superseded),
                DbError::Unavailable(cause) => {
                    tracing::warn!(%cause, "the readers' database does not take a batch; trying again");
                    self.measure_age(members, batch.first());
                    self.report(members, Activity::Retrying { detail: cause.to_string() });
                    tokio::select! {
                        () = self.stop.cancelled() => return Some(Outcome::Asked),
                        () = backoff.pause() => {}
                    }
                }
            }
        }
    }

    async fn apply(&self, members: &mut [Member], batch: &[Delivery]) -> Result<(), DbError> {
        let Some(last) = batch.last() else { return Ok(()) };
        let target = Link { position: last.position(), digest: last.commit.digest };
        let mut transaction = self.db.begin().await?;
        let mut shares = Vec::with_capacity(members.len());
        // Positions first: whoever loses waits for the winner here, and has written nothing.
        for member in &*members {
            let done = batch.partition_point(|delivery| delivery.position() <= member.link.position);
            let share = &batch[done..];
            if !share.is_empty() {
                advance(&mut transaction, member.projection.name(), member.link.position, target).await?;
            }
            shares.push(share);
        }
        for (member, share) in members.iter_mut().zip(shares) {
            if !share.is_empty() {
                member.projection.apply(&mut transaction, share).await?;
            }
        }
        transaction.commit().await?;
        for member in members {
            if member.link.position < target.position {
                member.link = target;
            }
            member.projection.committed();
        }
        Ok(())
    }

    /// Whether the database stands exactly where this batch leads.
    async fn has_been_applied(&self, members: &mut [Member], batch: &[Delivery]) -> bool {
        let (Some(last), Ok(standing)) = (batch.last(), standing(&self.db).await) else { return false };
        let target = Link { position: last.position(), digest: last.commit.digest };
        let done = members.iter().all(|member| {
            member.link.position >= target.position || standing.get(member.projection.name()) == Some(&target)
        });
        if done {
            for member in members.iter_mut().filter(|member| member.link.position < target.position) {
                member.link = target;
            }
        }
        done
    }

    async fn clean(&self, members: &mut [Member]) {
        let now = self.clock.now();
        for member in members {
            let cleaned = async {
                let mut transaction = self.db.begin().await?;
                let removed = member.projection.clean(&mut transaction, now).await?;
                transaction.commit().await?;
                Ok::<_, DbError>(removed)
            };
            match cleaned.await {
                Ok(0) => {}
                Ok(removed) => {
                    metrics::counter!("paravox_reader_removed_rows_total", "reader" => member.projection.name())
                        .increment(removed);
                }
                Err(cause) => tracing::warn!(%cause, "old rows were not removed; trying again later"),
            }
        }
    }

    fn report(&self, members: &[Member], activity: Activity) {
        self.status.send_modify(|status| {
            status.activity = activity;
            for member in members {
                status.positions.insert(member.projection.name(), member.link.position);
            }
        });
    }

    /// How long ago the commit was made that is being waited for.
    fn measure_age(&self, members: &[Member], commit: Option<&Delivery>) {
        let Some(commit) = commit else { return };
        let behind = self.clock.now().since(commit.commit.header.at);
        let seconds = (behind.micros().max(0) as f64) / 1e6;
        for member in members {
            metrics::gauge!("paravox_reader_lag_seconds", "reader" => member.projection.name()).set(seconds);
        }
    }

    /// How many commits the journal has that are not applied.
    async fn measure_end(&self, members: &[Member]) {
        let Ok(end) = self.journal.end().await else { return };
        for member in members {
            let behind = end.0.saturating_sub(member.link.position.0);
            let name = member.projection.name();
            metrics::gauge!("paravox_reader_lag_commits", "reader" => name).set(behind as f64);
        }
    }

    /// What was applied, and how many events were read and wait.
    fn measure(&self, members: &[Member], batch: &[Delivery], waiting: usize) {
        self.measure_age(members, batch.last());
        let events: usize = batch.iter().map(|delivery| delivery.commit.events.len()).sum();
        for member in members {
            let name = member.projection.name();
            metrics::gauge!("paravox_reader_lag_events", "reader" => name).set(waiting as f64);
            metrics::counter!("paravox_reader_events_total", "reader" => name).increment(events as u64);
        }
    }

    /// The first stage.
    async fn read_ahead(
        self,
        start: Link,
        mut numberer: Option<Numberer>,
        applied: Arc<AtomicU64>,
        queue: mpsc::Sender<Queued>,
        room: Arc<Semaphore>,
    ) -> Outcome {
        let mut source = Source::new(Arc::clone(&self.journal), self.db.clone(), start, self.options.pause);
        loop {
            let next = source.next(|cause| {
                tracing::warn!(%cause, "the journal cannot be read; trying again");
                let detail = cause.to_string();
                self.status.send_modify(|status| status.activity = Activity::Retrying { detail });
            });
            let commits = match next.await {
                Ok(commits) => commits,
                Err(error) => return Outcome::Damaged(error.to_string()),
            };
            let deliveries = match &mut numberer {
                Some(numberer) => {
                    let applied = Position(applied.load(Ordering::Acquire));
                    match self.number(numberer, commits, applied).await {
                        Ok(deliveries) => deliveries,
                        Err(outcome) => return outcome,
                    }
                }
                None => {
                    commits.into_iter().map(|commit| Delivery { commit, items: Arc::default() }).collect()
                }
            };
            for delivery in deliveries {
                let share = delivery.commit.events.len().clamp(1, self.room()) as u32;
                let Ok(permit) = Arc::clone(&room).acquire_many_owned(share).await else {
                    return Outcome::Asked;
                };
                if queue.send(Queued { delivery, _room: permit }).await.is_err() {
                    return Outcome::Asked;
                }
            }
        }
    }

    /// How many events may wait for the database.
    fn room(&self) -> usize {
        (self.options.events_max * 4).clamp(1, u32::MAX as usize >> 4)
    }

    async fn number(
        &self,
        numberer: &mut Numberer,
        commits: Vec<paravox_domain::commit::Commit>,
        applied: Position,
    ) -> Result<Vec<Delivery>, Outcome> {
        let mut backoff = Backoff::new(self.options.pause);
        loop {
            match numberer.number(&commits, applied).await {
                Ok(items) => {
                    return Ok(commits
                        .into_iter()
                        .zip(items)
                        .map(|(commit, items)| Delivery { commit, items })
                        .collect());
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
