//! Residency: which entities stay in memory.
//!
//! The state is a cache of the journal. What is going on stays: open calls, open sessions, calls that a late report can
//! still mean. Everything else may go once the archive has confirmed its last event, oldest use first.
//!
//! Owns: the order of use, and eviction.
//! Does not own: the archive's position; the writer brings it.
//! Invariant: eviction changes no decision: a command that names an evicted entity brings it back as it was.

use std::collections::VecDeque;

use super::State;
use crate::commit::Position;
use crate::entity::EntityId;
use crate::time::Instant;

/// Entities in the order in which they were last changed or loaded. An entity may stand here more than once; only its
/// last place counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Residency {
    queue: VecDeque<(u64, EntityId)>,
    uses: u64,
    last_use: std::collections::BTreeMap<EntityId, u64>,
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
    /// Notes that an entity was changed or loaded.
    pub(super) fn touch(&mut self, entity: EntityId) {
        self.uses += 1;
        self.last_use.insert(entity, self.uses);
        self.queue.push_back((self.uses, entity));
    }
}

impl State {
    /// How many entities are resident.
    pub fn residents(&self) -> Residents {
        Residents {
            entities: self.residency.last_use.len(),
            calls: self.calls.len(),
            sessions: self.sessions.len(),
        }
    }

    /// Evicts entities that are not going on and whose last event the archive has confirmed, oldest use first, until at
    /// most `keep` are resident or `steps` were looked at. Returns how many were evicted.
    pub fn evict(&mut self, confirmed: Position, now: Instant, keep: usize, steps: usize) -> usize {
        let mut evicted = 0;
        for _ in 0..steps {
            let Some((used, entity)) = self.residency.queue.pop_front() else { break };
            if self.residency.last_use.get(&entity) != Some(&used) {
                continue;
            }
            let finished = self.is_finished(entity, now);
            let pressed = self.residency.last_use.len() > keep;
            if self.is_confirmed(entity, confirmed)
                && (finished || (pressed && !self.is_going_on(entity, now)))
            {
                self.drop_entity(entity);
                self.residency.last_use.remove(&entity);
                evicted += 1;
            } else {
                self.residency.touch(entity);
            }
        }
        evicted
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

    fn is_confirmed(&self, entity: EntityId, confirmed: Position) -> bool {
        let position = match entity {
            EntityId::Registration(id) => self.registrations.position(id),
            EntityId::Identity(key) => self.identities.position(key),
            EntityId::Party(id) => self.parties.position(id),
            EntityId::Device(id) => self.devices.position(id),
            EntityId::Presence(id) => self.presences.position(id),
            EntityId::Call(id) => self.calls.position(id),
            EntityId::Session(id) => self.sessions.position(id),
        };
        position.is_some_and(|position| position <= confirmed)
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
