//! Commands that wait for the archive, and those that wait behind them.
//!
//! **Order.** A command stands in one line for each entity that it names, from its admission to its decision, and it is
//! decided when it is the first in all of its lines. So of two commands that name an entity in common, the one that was
//! admitted first is decided first, whatever each has to wait for; a command that names nothing that a parked one names
//! waits for nobody. A command enters all of its lines at once, in the order of admission: it waits only for earlier ones,
//! so that no circle of waiting can form, and every wait ends when a question to the archive does.
//!
//! Owns: the lines, and who is first.
//! Does not own: the questions (`fetch`), the limit on how many may be parked (`admit`).
//! Invariant: each ticket stands in the lines of exactly the entities that its command names.

use std::collections::{BTreeMap, HashMap, VecDeque};

use paravox_domain::call::Other;
use paravox_domain::command::{Actor, Ask, Command};
use paravox_domain::entity::EntityId;

use crate::handle::Asked;

/// A parked command's place in the order of admission.
pub(super) type Ticket = u64;

/// What a parked command waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The archive is asked whether it was settled before.
    Settling,
    /// The archive is asked for so many entities.
    Fetching(usize),
    /// Earlier commands for the same entity.
    InLine,
}

#[derive(Debug)]
struct Waiter {
    asked: Asked,
    stage: Stage,
    rounds: u32,
}

/// Commands that wait.
#[derive(Debug, Default)]
pub(super) struct Parked {
    next: Ticket,
    waiters: BTreeMap<Ticket, Waiter>,
    lines: HashMap<EntityId, VecDeque<Ticket>>,
}

/// The entities that a command names, each once.
fn named(command: &Command) -> Vec<EntityId> {
    let mut named = Vec::with_capacity(3);
    if let Actor::Device { device, .. } = &command.actor {
        named.push(EntityId::Device(*device));
    }
    match &command.ask {
        Ask::StartRegistration { registration, .. } | Ask::ProveRegistration { registration, .. } => {
            named.push(EntityId::Registration(*registration));
        }
        Ask::RotateCredential { device, .. }
        | Ask::RevokeDevice { device }
        | Ask::Connect { device, .. }
        | Ask::Disconnect { device, .. } => named.push(EntityId::Device(*device)),
        Ask::Notify(report) => {
            named.push(EntityId::Identity(report.key));
            if let Other::Known { key, .. } = &report.other {
                named.push(EntityId::Identity(*key));
            }
        }
        Ask::SendText { session, .. }
        | Ask::JoinSession { session }
        | Ask::KeepSession { session, .. }
        | Ask::LeaveSession { session } => named.push(EntityId::Session(*session)),
        Ask::Tick => {}
    }
    named.sort_unstable();
    named.dedup();
    named
}

impl Parked {
    pub(super) fn len(&self) -> usize {
        self.waiters.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    /// Whether a parked command names an entity that this one names too.
    pub(super) fn holds_up(&self, command: &Command) -> bool {
        !self.is_empty() && named(command).iter().any(|entity| self.lines.contains_key(entity))
    }

    /// Parks a command at the end of its lines.
    pub(super) fn park(&mut self, asked: Asked, stage: Stage) -> Ticket {
        let ticket = self.next;
        self.next += 1;
        for entity in named(&asked.command) {
            self.lines.entry(entity).or_default().push_back(ticket);
        }
        self.waiters.insert(ticket, Waiter { asked, stage, rounds: 0 });
        ticket
    }

    /// The command of a ticket.
    pub(super) fn command(&self, ticket: Ticket) -> Option<&Command> {
        self.waiters.get(&ticket).map(|waiter| &waiter.asked.command)
    }

    /// Sets what a command waits for; counts how often it was fetched for.
    pub(super) fn set_stage(&mut self, ticket: Ticket, stage: Stage) -> u32 {
        let Some(waiter) = self.waiters.get_mut(&ticket) else { return 0 };
        waiter.stage = stage;
        if matches!(stage, Stage::Fetching(_)) {
            waiter.rounds += 1;
        }
        waiter.rounds
    }

    /// One of the entities that a command waits for is there. Whether it was the last one.
    pub(super) fn arrived(&mut self, ticket: Ticket) -> bool {
        let Some(waiter) = self.waiters.get_mut(&ticket) else { return false };
        match waiter.stage {
            Stage::Fetching(1) => {
                waiter.stage = Stage::InLine;
                true
            }
            Stage::Fetching(missing) => {
                waiter.stage = Stage::Fetching(missing.saturating_sub(1));
                false
            }
            Stage::Settling | Stage::InLine => false,
        }
    }

    /// Whether a command waits for nothing but its turn, and has it.
    pub(super) fn has_turn(&self, ticket: Ticket) -> bool {
        self.waiters.get(&ticket).is_some_and(|waiter| {
            waiter.stage == Stage::InLine
                && named(&waiter.asked.command)
                    .iter()
                    .all(|entity| self.lines.get(entity).and_then(VecDeque::front) == Some(&ticket))
        })
    }

    /// Takes a command out. Those that are now the first in one of its lines come with it.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<(Asked, Vec<Ticket>)> {
        let waiter = self.waiters.remove(&ticket)?;
        let mut first = Vec::new();
        for entity in named(&waiter.asked.command) {
            let Some(line) = self.lines.get_mut(&entity) else { continue };
            line.retain(|other| *other != ticket);
            match line.front() {
                Some(next) => first.push(*next),
                None => drop(self.lines.remove(&entity)),
            }
        }
        first.sort_unstable();
        first.dedup();
        Some((waiter.asked, first))
    }

    /// Takes everybody out, in the order of admission.
    pub(super) fn drain(&mut self) -> Vec<Asked> {
        self.lines.clear();
        std::mem::take(&mut self.waiters).into_values().map(|waiter| waiter.asked).collect()
    }
}

#[cfg(test)]
mod tests {
    use paravox_domain::id::{CommandId, DeviceId, Id, PartyId, RequestId, SessionId};
    use paravox_domain::time::Instant;
    use tokio::sync::oneshot;

    use super::*;

    fn asked(id: u128, device: u128, session: u128) -> Asked {
        let command = Command {
            id: CommandId::from_bits(id),
            repeatable: false,
            fingerprint: 0,
            at: Instant::MIN,
            request: RequestId::from_bits(0),
            seed: 0,
            actor: Actor::Device { device: DeviceId::from_bits(device), party: PartyId::from_bits(1) },
            ask: Ask::JoinSession { session: SessionId::from_bits(session) },
        };
        Asked { command, reply: oneshot::channel().0 }
    }

    #[test]
    fn commands_that_name_an_entity_in_common_keep_their_order() {
        let mut parked = Parked::default();
        let first = parked.park(asked(1, 1, 1), Stage::Fetching(1));
        assert!(parked.holds_up(&asked(2, 2, 1).command));
        let second = parked.park(asked(2, 2, 1), Stage::InLine);
        let third = parked.park(asked(3, 2, 2), Stage::InLine);
        assert!(!parked.has_turn(second), "the first is before it at the session");
        assert!(!parked.has_turn(third), "the second is before it at the device");
        assert!(parked.arrived(first));
        assert!(parked.has_turn(first));
        let (_, next) = parked.leave(first).expect("it was parked");
        assert_eq!(next, [second]);
        assert!(parked.has_turn(second));
        let (_, next) = parked.leave(second).expect("it was parked");
        assert_eq!(next, [third]);
        assert!(parked.has_turn(third));
        parked.leave(third);
        assert!(parked.is_empty() && parked.lines.is_empty());
    }

    #[test]
    fn a_command_that_names_nothing_in_common_waits_for_nobody() {
        let mut parked = Parked::default();
        parked.park(asked(1, 1, 1), Stage::Settling);
        assert!(!parked.holds_up(&asked(2, 2, 2).command));
    }
}
