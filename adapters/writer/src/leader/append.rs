//! Append: closing commits, sending them in order, answering when they have landed, settling what is unknown.
//!
//! Owns: commits in flight.
//! Does not own: what is in them (`decide`).
//! Invariants: appends are sent in the order of their positions; a commit's callers are answered when it and all before it
//! have landed; an unknown outcome is read, never guessed.
//! Time: the runtime's clock, for rests and for the limit of patience.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use paravox_domain::commit::{EncodedCommit, Header, Position};
use paravox_domain::id::Fresh;
use paravox_domain::ports::{AnyJournal, AppendError, Outcome, ReadError};
use tokio::time::Instant as Moment;

use super::{Exit, Leader, Pending};
use crate::memory::Remembered;
use crate::rest::Rest;

/// A commit on its way.
#[derive(Debug)]
pub(super) struct Flight {
    commit: Arc<EncodedCommit>,
    pub(super) pending: Vec<Pending>,
    commands: usize,
    events: u32,
    begun: Moment,
    launched: Moment,
    landed: bool,
}

/// What stands at a commit's position.
enum Standing {
    Ours,
    Anothers,
    Nothing,
}

async fn append(journal: AnyJournal, commit: Arc<EncodedCommit>) -> (Position, Result<(), AppendError>) {
    let result = journal.append(&commit).await;
    (commit.position(), result)
}

impl Leader<'_> {
    /// Closes the commit that is being collected and sends it, if another append may be under way.
    pub(super) fn launch(&mut self) -> Result<(), Exit> {
        let may = self.flights.len() < self.context.config.appends_in_flight_max;
        if may && !self.batch.builder.is_empty() { self.seal() } else { Ok(()) }
    }

    /// Closes the commit and sends it.
    pub(super) fn seal(&mut self) -> Result<(), Exit> {
        let at = self.replica.stamp(self.context.clock.now());
        let header = Header {
            realm: self.context.journal.realm().to_owned(),
            position: self.replica.head.position.next(),
            writer: self.context.writer,
            epoch: self.epoch,
            commit: Fresh::new((self.context.seeds)(), at).id(0),
            at,
            previous: self.replica.head.digest,
        };
        let events = self.batch.builder.events();
        let commit = Arc::new(self.batch.builder.seal(&header));
        self.replica.sealed(&commit).map_err(|broken| Exit::Damaged(broken.to_string()))?;

        let mut appending = Box::pin(append(self.context.journal.clone(), commit.clone()));
        // Polled at once, so that it is under way before anything else is done.
        match appending.as_mut().now_or_never() {
            Some(done) => self.appends.push(Box::pin(std::future::ready(done))),
            None => self.appends.push(appending),
        }
        let now = Moment::now();
        let pending = std::mem::take(&mut self.batch.pending);
        self.flights.push_back(Flight {
            commit,
            commands: pending.len(),
            pending,
            events,
            begun: self.batch.begun.take().unwrap_or(now),
            launched: now,
            landed: false,
        });
        Ok(())
    }

    /// An append has come back.
    pub(super) async fn appended(
        &mut self,
        position: Position,
        result: Result<(), AppendError>,
    ) -> Result<(), Exit> {
        match result {
            Ok(()) => {
                self.note_landed(position);
                self.answer_landed()
            }
            Err(error) => {
                self.settle_flights((position, error)).await?;
                self.answer_landed()
            }
        }
    }

    fn note_landed(&mut self, position: Position) {
        if let Some(flight) = self.flights.iter_mut().find(|flight| flight.commit.position() == position) {
            flight.landed = true;
        }
    }

    /// Answers the callers of the commits that have landed. The next commit is sent first.
    fn answer_landed(&mut self) -> Result<(), Exit> {
        while self.flights.front().is_some_and(|flight| flight.landed) {
            let Some(flight) = self.flights.pop_front() else { break };
            self.durable = flight.commit.position();
            self.last_call()?;
            self.launch()?;
            self.land(flight);
        }
        Ok(())
    }

    fn land(&mut self, flight: Flight) {
        let position = flight.commit.position();
        let confirmed = self.context.confirmed.position();
        let at = flight.commit.header().at;
        for Pending { reply, result, id } in flight.pending {
            self.unanswered -= 1;
            if let Some(id) = id
                && let Some(fingerprint) = self.under_way.remove(&id)
                && let Ok(Outcome { answer, .. }) = &result
            {
                let remembered = Remembered { fingerprint, answer: answer.clone(), position };
                self.replica.memory.settled(id, remembered, at, confirmed);
            }
            self.answer(reply, result);
        }
        self.replica.evict(confirmed, flight.events as usize);
        self.tell_status();

        let now = Moment::now();
        let took = now - flight.begun;
        if flight.commands > 0 {
            self.note_pace(took, flight.commands);
        }
        tracing::debug!(%position, commands = flight.commands, events = flight.events, "committed");
        let meter = &mut self.context.meter;
        meter.commit_bytes.record(flight.commit.bytes().len() as f64);
        meter.commit_events.record(f64::from(flight.events));
        meter.commit_seconds.record(took.as_secs_f64());
        meter.append_seconds.record((now - flight.launched).as_secs_f64());
        meter.queue_depth.set((self.context.queue.len() + self.waiting.len()) as f64);
        meter.parked.set(self.parked.len() as f64);
        meter.residents(self.replica.state.residents());
        let shared = &self.context.shared;
        meter.count_refused(
            shared.busy.swap(0, Ordering::Relaxed),
            shared.no_writer.swap(0, Ordering::Relaxed),
        );
        meter.flush();
    }

    /// Keeps a moving average of the time that a command takes at the present rate.
    fn note_pace(&self, took: Duration, commands: usize) {
        let pace = &self.context.shared.pace_ns;
        let last = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX) / commands as u64;
        let before = pace.load(Ordering::Relaxed);
        let after = if before == 0 { last } else { before - before / 8 + last / 8 };
        pace.store(after, Ordering::Relaxed);
    }

    /// Sends what was collected and waits until everything has landed.
    pub(super) async fn flush(&mut self) -> Result<(), Exit> {
        loop {
            if self.flights.is_empty() && self.batch.builder.is_empty() {
                return Ok(());
            }
            self.launch()?;
            if let Some((position, result)) = self.appends.next().await {
                match result {
                    Ok(()) => self.note_landed(position),
                    Err(error) => self.settle_flights((position, error)).await?,
                }
            }
            while self.flights.front().is_some_and(|flight| flight.landed) {
                let Some(flight) = self.flights.pop_front() else { break };
                self.durable = flight.commit.position();
                self.land(flight);
            }
        }
    }

    /// An append failed: waits for the others that are under way, then settles one after another, in order.
    async fn settle_flights(&mut self, failed: (Position, AppendError)) -> Result<(), Exit> {
        let mut failures = vec![failed];
        while let Some((position, result)) = self.appends.next().await {
            match result {
                Ok(()) => self.note_landed(position),
                Err(error) => failures.push((position, error)),
            }
        }
        failures.sort_by_key(|(position, _)| *position);
        self.context.shared.stalled.store(true, Ordering::Relaxed);
        for (position, error) in failures {
            self.settle(position, error).await?;
            self.note_landed(position);
        }
        self.context.shared.stalled.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Brings one commit to its place, or finds out that it cannot get there.
    async fn settle(&mut self, position: Position, mut error: AppendError) -> Result<(), Exit> {
        let flight = self.flights.iter().find(|flight| flight.commit.position() == position);
        let Some((commit, launched)) = flight.map(|flight| (flight.commit.clone(), flight.launched)) else {
            return Ok(());
        };
        let patience = self.context.config.append_patience;
        let mut rest = Rest::short();
        loop {
            tracing::warn!(%position, %error, "an append did not succeed");
            let fenced = match error {
                AppendError::TooLarge { bytes_max, .. } => return Err(Exit::TooLarge { bytes_max }),
                AppendError::Unavailable(_) => None,
                AppendError::Fenced { .. } => Some(true),
                AppendError::Unconfirmed(_) => Some(false),
            };
            if launched.elapsed() > patience {
                return Err(Exit::Unsettled);
            }
            if let Some(fenced) = fenced {
                match standing(&self.context.journal, &commit, launched + patience).await? {
                    Standing::Ours => return Ok(()),
                    Standing::Anothers => return Err(Exit::Fenced),
                    Standing::Nothing if fenced => return Err(Exit::Fenced),
                    Standing::Nothing => {}
                }
            }
            rest.take().await;
            match self.context.journal.append(&commit).await {
                Ok(()) => return Ok(()),
                Err(again) => error = again,
            }
        }
    }
}

/// Reads what stands at a commit's position.
async fn standing(journal: &AnyJournal, commit: &EncodedCommit, until: Moment) -> Result<Standing, Exit> {
    let before = Position(commit.position().0 - 1);
    let mut rest = Rest::short();
    loop {
        match journal.read(before, 1).await {
            Ok(found) => {
                return Ok(match found.first() {
                    Some(found) if found.id() == commit.id() => Standing::Ours,
                    Some(_) => Standing::Anothers,
                    None => Standing::Nothing,
                });
            }
            Err(damage @ (ReadError::Corrupt { .. } | ReadError::Broken(_))) => {
                return Err(Exit::Damaged(damage.to_string()));
            }
            // So far ahead is somebody that our place has been trimmed.
            Err(ReadError::Trimmed { .. }) => return Ok(Standing::Anothers),
            Err(ReadError::Unavailable(error)) => {
                tracing::warn!(%error, "what stands at a position cannot be read; trying again");
                if Moment::now() > until {
                    return Err(Exit::Unsettled);
                }
                rest.take().await;
            }
        }
    }
}
