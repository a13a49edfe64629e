//! Deadlines: when time alone changes something.
//!
//! Owns: one instant for each entity that has one, found in order.
//! Invariant: derived from the entities; setting the same deadline twice changes nothing.

use std::collections::BTreeSet;

use super::map::IdMap;
use crate::entity::EntityId;
use crate::time::Instant;

/// Instants in order, each with its entity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Deadlines {
    order: BTreeSet<(Instant, EntityId)>,
    of: IdMap<EntityId, Instant>,
}

impl Deadlines {
    /// Sets or clears an entity's deadline.
    pub(super) fn set(&mut self, entity: EntityId, deadline: Option<Instant>) {
        let before = match deadline {
            Some(deadline) => self.of.insert(entity, deadline),
            None => self.of.remove(entity),
        };
        if before == deadline {
            return;
        }
        if let Some(before) = before {
            self.order.remove(&(before, entity));
        }
        if let Some(deadline) = deadline {
            self.order.insert((deadline, entity));
        }
    }

    /// The earliest one.
    pub(super) fn next(&self) -> Option<Instant> {
        self.order.first().map(|(deadline, _)| *deadline)
    }

    /// The entities whose deadline has come, earliest first.
    pub(super) fn due(&self, now: Instant, max: usize) -> impl Iterator<Item = EntityId> + '_ {
        self.order
            .iter()
            .take_while(move |(deadline, _)| *deadline <= now)
            .take(max)
            .map(|(_, entity)| *entity)
    }
}
