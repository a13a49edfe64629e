//! A lane: one follow of the journal, read ahead of the database, for a set of projections.
//!
//! Two stages, so that a feed's item is offered while the transaction of an earlier one is still under way: the first
//! (`ahead`) reads, checks, decodes, numbers and offers; the second applies whatever has come in one transaction.
//!
//! Owns: retries, and when to give way to another process.
//! Invariant: a commit is applied once; all that was applied moved its position in the same transaction.
//! Time: the runtime's clock for pauses; instants from the `Clock` port for ages.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt as _;
use paravox_domain::commit::chain::Link;
use paravox_domain::commit::{Commit, Position};
use paravox_domain::ports::{AnyJournal, Clock};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::queue::{Queued, Receiving, queue};
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

/// The second stage, as it stands.
struct Applying<'a> {
    members: &'a mut [Member],
    /// The last commit that all members have.
    reached: Link,
    /// Its position, for the first stage.
    applied: Arc<AtomicU64>,
    clean: Interval,
    /// Whether feeds are kept.
    numbers: bool,
}

/// What comes next.
enum Next {
    GoOn,
    End(Outcome),
    /// The first stage has ended, and says why.
    EndAsReading,
}

/// Where the feeds stand.
fn feeds_at(members: &[Member]) -> Position {
    let feeds = members.iter().find(|member| member.projection.name() == crate::feed::READER);
    feeds.map_or(Position::START, |member| member.link.position)
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
        let numbers = numberer.is_some();
        let (sending, mut receiving) = queue(&self.options, start.position);
        let applied = Arc::new(AtomicU64::new(start.position.0));
        let ended = CancellationToken::new();
        let reading = {
            let (this, applied, ended) = (self.clone(), Arc::clone(&applied), ended.clone().drop_guard());
            tokio::spawn(async move {
                let outcome = this.read_ahead(start, numberer, &applied, &sending).await;
                drop(ended);
                outcome
            })
        };
        let reading = AbortOnDropHandle::new(reading);
        let mut clean = tokio::time::interval(self.options.clean_every);
        clean.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stage = Applying { members, reached: start, applied, clean, numbers };
        loop {
            let outcome = if receiving.is_left_alone() {
                self.apply_alone(&mut stage, &receiving, &ended).await
            } else {
                self.apply_next(&mut stage, &mut receiving).await
            };
            match outcome {
                Next::GoOn if catching_up && self.is_close(stage.members) => return Outcome::CaughtUp,
                Next::GoOn => {}
                Next::End(outcome) => return outcome,
                Next::EndAsReading => {
                    return reading.await.unwrap_or_else(|error| Outcome::Damaged(error.to_string()));
                }
            }
        }
    }

    /// Applies what has come by the queue.
    async fn apply_next(&self, stage: &mut Applying<'_>, receiving: &mut Receiving) -> Next {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Next::End(Outcome::Asked),
            _ = stage.clean.tick() => {
                self.measure_end(stage.members).await;
                self.clean(stage.members).await;
                Next::GoOn
            }
            queued = receiving.recv() => {
                let Some(queued) = queued else { return Next::EndAsReading };
                let batch = self.gather(stage.reached.position, queued, receiving);
                let next = self.apply_batch(stage, &batch).await;
                self.measure(stage.members, &batch, receiving.events());
                next
            }
        }
    }

    /// Applies what the journal has, until the queue can be used again.
    async fn apply_alone(
        &self,
        stage: &mut Applying<'_>,
        receiving: &Receiving,
        ended: &CancellationToken,
    ) -> Next {
        let mut source =
            Source::new(Arc::clone(&self.journal), self.db.clone(), stage.reached, self.options.pause);
        let mut numberer = stage.numbers.then(|| Numberer::silent(self.db.clone(), feeds_at(stage.members)));
        while !receiving.goes_on_after(stage.reached.position) {
            let commits = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Next::End(Outcome::Asked),
                commits = source.next(|cause| self.troubled(cause)) => commits,
                () = ended.cancelled() => return Next::EndAsReading,
            };
            let mut commits = match commits {
                Ok(commits) => commits,
                Err(error) => return Next::End(Outcome::Damaged(error.to_string())),
            };
            let last = commits.last().map_or(stage.reached.position, |commit| commit.header.position);
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Next::End(Outcome::Asked),
                () = receiving.offered(last) => {}
                () = ended.cancelled() => return Next::EndAsReading,
            }
            while !commits.is_empty() {
                let rest = commits.split_off(self.bounded(&commits));
                let deliveries = match self.deliver(numberer.as_mut(), commits, stage.reached.position).await
                {
                    Ok(deliveries) => deliveries,
                    Err(outcome) => return Next::End(outcome),
                };
                if let Next::End(outcome) = self.apply_batch(stage, &deliveries).await {
                    return Next::End(outcome);
                }
                self.measure(stage.members, &deliveries, receiving.events());
                commits = rest;
            }
            if stage.clean.tick().now_or_never().is_some() {
                self.measure_end(stage.members).await;
                self.clean(stage.members).await;
            }
        }
        Next::GoOn
    }

    async fn apply_batch(&self, stage: &mut Applying<'_>, batch: &[Delivery]) -> Next {
        let Some(last) = batch.last() else { return Next::GoOn };
        if let Some(outcome) = self.apply_until_done(stage.members, batch).await {
            return Next::End(outcome);
        }
        stage.reached = Link { position: last.position(), digest: last.commit.digest };
        stage.applied.store(last.position().0, Ordering::Release);
        Next::GoOn
    }

    /// How many of these commits one transaction takes.
    fn bounded(&self, commits: &[Commit]) -> usize {
        let mut events = 0;
        let within = commits.iter().take(self.options.commits_max.max(1)).take_while(|commit| {
            let fits = events < self.options.events_max;
            events += commit.events.len();
            fits
        });
        within.count().max(1)
    }

    /// Whether the foremost reader is close.
    fn is_close(&self, members: &[Member]) -> bool {
        let foremost = self.status.borrow().positions.values().max().copied().unwrap_or(Position::START);
        members.iter().all(|member| member.link.position.0 + self.options.apart_max / 2 >= foremost.0)
    }

    /// Takes whatever has come after a position, within the bounds of one transaction.
    fn gather(&self, reached: Position, first: Queued, receiving: &mut Receiving) -> Vec<Delivery> {
        let mut batch = Vec::new();
        let mut events = 0;
        let mut next = Some(first);
        while let Some(queued) = next {
            if queued.delivery.position() > reached {
                events += queued.delivery.commit.events.len();
                batch.push(queued.delivery);
            }
            let full = batch.len() >= self.options.commits_max || events >= self.options.events_max;
            next = if full { None } else { receiving.try_recv() };
        }
        batch
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
}
