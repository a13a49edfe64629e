//! Admit: has a command been settled before, is it under way, can it be decided at once?
//!
//! Owns: idempotency (invariant 5), the way of a command through the archive, refusals before a decision.
//! Does not own: the memory of settled commands (`memory`), the lines of those that wait (`parked`).
//! Invariants: of many commands with one id, one is decided; a refusal here has changed nothing.

use paravox_domain::answer::Rejection;
use paravox_domain::call::Report;
use paravox_domain::command::{Ask, Command};
use paravox_domain::commit::{Position, Recorded, Settled};
use paravox_domain::entity::EntityId;
use paravox_domain::ports::{Outcome, Refused};
use paravox_domain::time::Span;

use super::fetch::{Fetched, Silent};
use super::parked::{Stage, Ticket};
use super::{Exit, Leader};
use crate::handle::Asked;
use crate::memory::{Recall, Remembered};

/// The texts of a command together, in bytes. Edges have limits of their own; this one keeps what a command leads to
/// within a commit.
pub(super) const COMMAND_BYTES_MAX: usize = 16 * 1024;
/// How often a command is fetched for. Each round brings what the one before named; two are the rule.
const ROUNDS_MAX: u32 = 16;
/// When to come back after the archive did not answer, or is far behind.
const ARCHIVE_BUSY: Span = Span::seconds(2);

impl Leader<'_> {
    /// Takes a command: answers it, decides it, or parks it.
    pub(super) fn admit(&mut self, asked: Asked) -> Result<(), Exit> {
        if let Some(refused) = too_large(&asked.command) {
            self.answer(asked.reply, Err(refused));
            return Ok(());
        }
        let mut ask_archive = false;
        if asked.command.repeatable {
            match self.look_up(&asked.command) {
                LookUp::Answer(result) => {
                    self.answer(asked.reply, result);
                    return Ok(());
                }
                LookUp::New => {}
                LookUp::AskArchive => ask_archive = true,
            }
        }
        if !ask_archive && !self.parked.holds_up(&asked.command) {
            let missing = self.replica.missing(&asked.command);
            if missing.is_empty() {
                self.note_under_way(&asked.command);
                return self.decide(asked);
            }
        }
        if self.parked.len() >= self.context.config.parked_max {
            let retry_after = self.context.shared.retry_after(self.parked.len());
            self.answer(asked.reply, Err(Refused::Busy { retry_after }));
            return Ok(());
        }
        self.note_under_way(&asked.command);
        let id = asked.command.id;
        if ask_archive {
            let ticket = self.parked.park(asked, Stage::Settling);
            self.fetcher.want_settled(ticket, id);
            Ok(())
        } else {
            let ticket = self.parked.park(asked, Stage::InLine);
            self.advance(ticket)
        }
    }

    /// What is known of a repeatable command.
    fn look_up(&self, command: &Command) -> LookUp {
        if let Some(fingerprint) = self.under_way.get(&command.id) {
            let refused =
                if *fingerprint == command.fingerprint { Refused::UnderWay } else { Refused::OtherRequest };
            return LookUp::Answer(Err(refused));
        }
        match self.replica.memory.recall(command.id) {
            Recall::Settled(remembered) => LookUp::Answer(replay(command, remembered)),
            _ if self.replica.memory.is_full() => {
                LookUp::Answer(Err(Refused::Busy { retry_after: ARCHIVE_BUSY }))
            }
            Recall::New => LookUp::New,
            Recall::AskArchive => LookUp::AskArchive,
        }
    }

    fn note_under_way(&mut self, command: &Command) {
        if command.repeatable {
            self.under_way.insert(command.id, command.fingerprint);
        }
    }

    /// Decides a parked command if it is its turn, or asks for what it needs; then those that waited for it.
    fn advance(&mut self, ticket: Ticket) -> Result<(), Exit> {
        let mut turns = vec![ticket];
        while let Some(ticket) = turns.pop() {
            if !self.parked.has_turn(ticket) {
                continue;
            }
            let Some(command) = self.parked.command(ticket) else { continue };
            let missing = self.replica.missing(command);
            if missing.is_empty() {
                if let Some((asked, next)) = self.parked.leave(ticket) {
                    turns.extend(next);
                    self.decide(asked)?;
                }
                continue;
            }
            let floor = self.replica.floor();
            if self.parked.set_stage(ticket, Stage::Fetching(missing.len())) > ROUNDS_MAX {
                turns.extend(self.give_up(ticket));
                continue;
            }
            for entity in missing {
                self.fetcher.want(entity, ticket, floor);
            }
        }
        Ok(())
    }

    /// Refuses a parked command because the archive does not answer.
    fn give_up(&mut self, ticket: Ticket) -> Vec<Ticket> {
        let Some((asked, next)) = self.parked.leave(ticket) else { return Vec::new() };
        self.under_way.remove(&asked.command.id);
        self.answer(asked.reply, Err(Refused::Busy { retry_after: ARCHIVE_BUSY }));
        next
    }

    /// An answer of the archive has come.
    pub(super) fn fetched(&mut self, fetched: Fetched) -> Result<(), Exit> {
        match fetched {
            Fetched::Entities(entities, events) => {
                self.entities_came(&entities, events.as_deref().map_err(|silent| *silent))
            }
            Fetched::Settled(ticket, found) => self.settled_came(ticket, found),
        }
    }

    fn entities_came(
        &mut self,
        entities: &[EntityId],
        events: Result<&[(Position, Recorded)], Silent>,
    ) -> Result<(), Exit> {
        let mut ready: Vec<Ticket> = Vec::new();
        if let Ok(events) = events {
            self.replica.state.load(entities, events);
        }
        for entity in entities {
            for ticket in self.fetcher.come(*entity) {
                if events.is_err() {
                    let next = self.give_up(ticket);
                    ready.extend(next);
                } else if self.parked.arrived(ticket) {
                    ready.push(ticket);
                }
            }
        }
        ready.sort_unstable();
        ready.dedup();
        for ticket in ready {
            self.advance(ticket)?;
        }
        Ok(())
    }

    fn settled_came(&mut self, ticket: Ticket, found: Result<Option<Settled>, Silent>) -> Result<(), Exit> {
        let next = match found {
            Ok(None) => {
                self.parked.set_stage(ticket, Stage::InLine);
                vec![ticket]
            }
            Ok(Some(settled)) => {
                let Some((asked, next)) = self.parked.leave(ticket) else { return Ok(()) };
                self.under_way.remove(&asked.command.id);
                // The archive has it, so that a read model which has come to the durable end shows it.
                let remembered = Remembered {
                    fingerprint: settled.fingerprint,
                    answer: settled.answer,
                    position: self.durable,
                };
                let result = replay(&asked.command, remembered);
                self.answer(asked.reply, result);
                next
            }
            Err(Silent) => self.give_up(ticket),
        };
        for ticket in next {
            self.advance(ticket)?;
        }
        Ok(())
    }
}

/// What is known of a repeatable command.
enum LookUp {
    Answer(Result<Outcome, Refused>),
    New,
    AskArchive,
}

/// The answer to a repeat.
fn replay(command: &Command, remembered: Remembered) -> Result<Outcome, Refused> {
    if remembered.fingerprint != command.fingerprint {
        return Err(Refused::OtherRequest);
    }
    Ok(Outcome { answer: remembered.answer, position: remembered.position, replayed: true })
}

/// Refuses a command whose texts are too long for what it leads to.
fn too_large(command: &Command) -> Option<Refused> {
    let bytes = match &command.ask {
        Ask::SendText { text, .. } => text.len(),
        Ask::Notify(report) => report_bytes(report),
        _ => return None,
    };
    (bytes > COMMAND_BYTES_MAX)
        .then_some(Refused::Rejected(Rejection::CommandTooLarge { bytes, bytes_max: COMMAND_BYTES_MAX }))
}

/// The parts of a report whose length no type bounds.
fn report_bytes(report: &Report) -> usize {
    report.references.iter().map(|reference| reference.issuer.len() + reference.value.len()).sum()
}
