//! Residency: which entities stay in memory.
//!
//! The state is a cache of the journal. What is going on stays: open calls, open sessions, calls that a late report can
//! still mean. Everything else may go once the archive has confirmed its last event.
//!
//! Owns: the order in which residents are looked at, and eviction. To note an event costs nothing but for an entity that
//! was not resident.
//! Does not own: the archive's position; the writer brings it.
//! Invariant: eviction changes no decision: a command that names an evicted entity brings it back as it was.

use std::collections::VecDeque;

use super::State;
use crate::commit::Position;
use crate::entity::EntityId;
use crate::time::Instant;

/// Resident entities, each once, in the order in which they came or were last looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct Residency {
    /// Registrations, calls and sessions: they end, and are looked at again and again.
    passing: VecDeque<EntityId>,
    /// Identities, parties, devices and presences: they stay, unless there are too many.
    lasting: VecDeque<EntityId>,
}

/// How many entities are resident.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Residents {
    /// All kinds together.
    pub entities: usize,
    /// Calls, open or closing or recent.
    pub calls: usize,
    /// Sessions, open or recent.
    pub sessions: usize,
}

impl Residency {
    /// Notes that an entity has become resident.
    pub(super) fn enter(&mut self, entity: EntityId) {
        self.ring(entity).push_back(entity);
    }

    fn ring(&mut self, entity: EntityId) -> &mut VecDeque<EntityId> {
        match entity {
            EntityId::Registration(_) | EntityId::Call(_) | EntityId::Session(_) => &mut self.passing,
            EntityId::Identity(_) | EntityId::Party(_) | EntityId::Device(_) | EntityId::Presence(_) => {
                &mut self.lasting
            }
        }
    }

    fn len(&self) -> usize {
        self.passing.len() + self.lasting.len()
    }
}

impl State {
    /// How many entities are resident.
    pub fn residents(&self) -> Residents {
        Residents { entities: self.residency.len(), calls: self.calls.len(), sessions: self.sessions.len() }
    }

    /// Evicts entities that are not going on and whose last event the archive has confirmed: those that have ended, and
    /// others, longest resident first, while more than `keep` are resident. Looks at `steps` of them at most, and goes on
    /// from there the next time. Returns how many were evicted.
    pub fn evict(&mut self, confirmed: Position, now: Instant, keep: usize, steps: usize) -> usize {
        let mut evicted = 0;
        for _ in 0..steps.min(self.residency.passing.len()) {
            let Some(entity) = self.residency.passing.pop_front() else { break };
            evicted += usize::from(self.evict_or_keep(entity, confirmed, now, keep));
        }
        for _ in 0..steps.min(self.residency.lasting.len()) {
            if self.residency.len() <= keep {
                break;
            }
            let Some(entity) = self.residency.lasting.pop_front() else { break };
            evicted += usize::from(self.evict_or_keep(entity, confirmed, now, keep));
        }
        evicted
    }

    /// Evicts an entity that was taken out of its ring, or puts it back at the end.
    fn evict_or_keep(&mut self, entity: EntityId, confirmed: Position, now: Instant, keep: usize) -> bool {
        let Some(position) = self.position_of(entity) else { return false };
        let pressed = self.residency.len() >= keep;
        let may_go = self.is_finished(entity, now) || (pressed && !self.is_going_on(entity, now));
        if may_go && position <= confirmed {
            self.drop_entity(entity);
            true
        } else {
            self.residency.enter(entity);
            false
        }
    }

    /// Whether an entity will never be needed again unless somebody names it.
    fn is_finished(&self, entity: EntityId, now: Instant) -> bool {
        match entity {
            EntityId::Call(_) | EntityId::Session(_) => !self.is_going_on(entity, now),
            EntityId::Registration(id) => self
                .registration(id)
                .is_none_or(|registration| registration.proven.is_some() || now > registration.expires),
            EntityId::Identity(_) | EntityId::Party(_) | EntityId::Device(_) | EntityId::Presence(_) => false,
        }
    }

    /// Whether an entity must stay: other decisions find it without naming it.
    fn is_going_on(&self, entity: EntityId, now: Instant) -> bool {
        match entity {
            EntityId::Call(id) => self.call(id).is_some_and(|call| call.can_be_meant(now)),
            EntityId::Session(id) => self.session(id).is_some_and(|session| session.closed.is_none()),
            EntityId::Registration(_)
            | EntityId::Identity(_)
            | EntityId::Party(_)
            | EntityId::Device(_)
            | EntityId::Presence(_) => false,
        }
    }

    /// Where the last event of a resident entity stands.
    fn position_of(&self, entity: EntityId) -> Option<Position> {
        match entity {
            EntityId::Registration(id) => self.registrations.position(id),
            EntityId::Identity(key) => self.identities.position(key),
            EntityId::Party(id) => self.parties.position(id),
            EntityId::Device(id) => self.devices.position(id),
            EntityId::Presence(id) => self.presences.position(id),
            EntityId::Call(id) => self.calls.position(id),
            EntityId::Session(id) => self.sessions.position(id),
        }
    }

    fn drop_entity(&mut self, entity: EntityId) {
        match entity {
            EntityId::Registration(id) => drop(self.registrations.evict(id)),
            EntityId::Identity(key) => drop(self.identities.evict(key)),
            EntityId::Party(id) => drop(self.parties.evict(id)),
            EntityId::Device(id) => drop(self.devices.evict(id)),
            EntityId::Presence(id) => drop(self.presences.evict(id)),
            EntityId::Call(id) => {
                if let Some(call) = self.calls.evict(id) {
                    self.index.remove(id, &call);
                }
            }
            EntityId::Session(id) => drop(self.sessions.evict(id)),
        }
        self.deadlines.set(entity, None);
    }
}
