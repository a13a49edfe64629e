//! Decide: commands and deadlines change the state, and their events go into the commit that is being collected.
//!
//! Owns: the stamp, the encoding, on which commit an answer rests, room in the commit.
//! Does not own: what a command leads to ([`paravox_domain::state::State::transact`]).
//! Invariants: an answer rests on every commit that was not durable when it was decided, refusals too: they may tell of
//! what could still be lost. What a command leads to fits into the commit.
//! Time: each command is stamped when it is decided, so that stamps never go back in the journal.

use std::time::Duration;

use paravox_domain::answer::Answer;
use paravox_domain::command::{Actor, Ask, Command};
use paravox_domain::commit::Settled;
use paravox_domain::id::Fresh;
use paravox_domain::ports::Outcome;
use paravox_domain::state::Transacted;
use tokio::time::Instant as Moment;

use super::{Exit, Leader, Pending};
use crate::handle::Asked;

/// Room that is left in a commit for what one command leads to. A command's texts have [`super::admit::COMMAND_BYTES_MAX`]
/// together, six times that as JSON at the worst, and stand in two events at the most.
const COMMAND_ROOM: usize = 256 * 1024;
/// A commit in which there is more already takes no tick: one tick ends up to 256 calls and sessions, each with the
/// devices that are told.
const TICK_AFTER_BYTES: usize = 64 * 1024;

impl Leader<'_> {
    /// Decides a command whose entities are resident.
    pub(super) fn decide(&mut self, asked: Asked) -> Result<(), Exit> {
        let Asked { mut command, reply } = asked;
        command.at = self.replica.stamp(self.context.clock.now());
        let position = self.replica.head.position.next();
        let cause = self.batch.builder.next_cause();
        let id = command.repeatable.then_some(command.id);
        let result = match self.replica.state.transact(&command, position, cause) {
            Ok(done) => Ok(self.record(&command, done)),
            Err(rejection) => Err(rejection.into()),
        };
        self.check_fit()?;
        let result = result.map(|answer| {
            // What it rests on is the commit that is being collected, or else the last one that was sealed.
            let head = self.replica.head.position;
            let position = if self.batch.builder.is_empty() { head } else { head.next() };
            Outcome { answer, position, replayed: false }
        });
        self.answer_when_durable(Pending { reply, result, id });
        Ok(())
    }

    /// Puts what a command led to into the commit. A command that changed nothing is only put there if its sender may
    /// repeat it: it is settled, and a repeat gets the same answer.
    fn record(&mut self, command: &Command, done: Transacted) -> Answer {
        let Transacted { events, answer } = done;
        if events.is_empty() && !command.repeatable {
            return answer;
        }
        self.begin_batch();
        let settled = Settled {
            command: command.id,
            repeatable: command.repeatable,
            fingerprint: command.fingerprint,
            request: command.request,
            answer,
        };
        self.batch.builder.settle(&settled);
        for recorded in &events {
            self.batch.builder.record(recorded);
        }
        settled.answer
    }

    fn begin_batch(&mut self) {
        if self.batch.begun.is_none() {
            self.batch.begun = Some(Moment::now());
        }
    }

    /// Answers as soon as everything that was decided so far is durable.
    fn answer_when_durable(&mut self, pending: Pending) {
        if !self.batch.builder.is_empty() {
            self.batch.pending.push(pending);
            self.unanswered += 1;
        } else if let Some(flight) = self.flights.back_mut() {
            flight.pending.push(pending);
            self.unanswered += 1;
        } else {
            if let Some(id) = pending.id {
                self.under_way.remove(&id);
            }
            self.answer(pending.reply, pending.result);
        }
    }

    /// Does what is due by time alone. Returns when to look again.
    pub(super) fn tick(&mut self) -> Result<Moment, Exit> {
        let later = Moment::now() + self.context.config.look_every;
        let Some(deadline) = self.replica.state.next_deadline() else { return Ok(later) };
        let now = self.replica.last_at.max(self.context.clock.now());
        if deadline > now {
            let rest = u64::try_from(deadline.since(now).micros()).unwrap_or(0);
            return Ok(later.min(Moment::now() + Duration::from_micros(rest)));
        }
        if self.tick_not_before > Moment::now() {
            return Ok(self.tick_not_before);
        }
        if self.batch.builder.bytes() > TICK_AFTER_BYTES {
            self.launch()?;
        }
        if self.batch.builder.bytes() > TICK_AFTER_BYTES {
            // An append is under way; its end wakes the loop.
            return Ok(later);
        }
        let changed = self.do_what_is_due()?;
        if !changed {
            self.tick_not_before = later;
            return Ok(later);
        }
        // There may be more.
        Ok(Moment::now())
    }

    fn do_what_is_due(&mut self) -> Result<bool, Exit> {
        let at = self.replica.stamp(self.context.clock.now());
        let fresh = Fresh::new((self.context.seeds)(), at);
        let command = Command {
            id: fresh.id(0),
            repeatable: false,
            fingerprint: 0,
            at,
            request: fresh.id(0),
            seed: (self.context.seeds)(),
            actor: Actor::Server,
            ask: Ask::Tick,
        };
        let position = self.replica.head.position.next();
        let cause = self.batch.builder.next_cause();
        let Ok(done) = self.replica.state.transact(&command, position, cause) else { return Ok(false) };
        if done.events.is_empty() {
            return Ok(false);
        }
        self.begin_batch();
        for recorded in &done.events {
            self.batch.builder.record(recorded);
        }
        self.check_fit()?;
        Ok(true)
    }

    /// Whether another command can be taken: its answer has a place, and what it leads to fits.
    pub(super) fn has_room(&self) -> bool {
        let bytes_max = self.context.config.commit_bytes_max;
        let closing = bytes_max - COMMAND_ROOM.min(bytes_max / 2);
        self.unanswered < self.context.config.unanswered_max && self.batch.builder.bytes() < closing
    }

    /// The state has changed already, so that a commit that is too large cannot be mended: the writer starts again. The
    /// room that is left makes this a matter of a journal whose limit was set very low.
    fn check_fit(&self) -> Result<(), Exit> {
        let bytes_max = self.context.config.commit_bytes_max;
        let bytes = self.batch.builder.bytes();
        if bytes > bytes_max {
            tracing::error!(bytes, bytes_max, "what one command led to does not fit into a commit");
            return Err(Exit::TooLarge { bytes_max });
        }
        Ok(())
    }
}
