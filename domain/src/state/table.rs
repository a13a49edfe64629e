//! Tables of resident entities.
//!
//! Owns: which entities are in memory, each with its version and the position of its last event; which are known not to
//! exist.
//! Does not own: what an entity is.
//! Invariant: an entity that is not in its table is in the archive, whole, or does not exist; the writer finds out before
//! it decides.

use std::hash::Hash;

use super::map::IdMap;
use crate::commit::{Position, Version};

/// An entity in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot<T> {
    /// The number of its last event.
    pub version: Version,
    /// Where that event stands in the journal.
    pub position: Position,
    /// Its state; `None` for one that does not exist.
    pub value: Option<T>,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { version: Version(0), position: Position::START, value: None }
    }
}

/// Entities of one kind, by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table<K: Hash + Eq, T> {
    slots: IdMap<K, Box<Slot<T>>>,
}

impl<K: Hash + Eq, T> Default for Table<K, T> {
    fn default() -> Self {
        Self { slots: IdMap::default() }
    }
}

/// What an event made of an entity.
pub(super) struct Applied<'a, T> {
    /// Its state.
    pub value: Option<&'a T>,
    /// Whether it has become resident by it.
    pub entered: bool,
}

impl<K: Hash + Ord + Copy, T> Table<K, T> {
    /// The entity, if it is resident and exists.
    pub(super) fn get(&self, id: K) -> Option<&T> {
        self.slots.get(id)?.value.as_ref()
    }

    /// Whether the table can answer for this entity.
    pub(super) fn is_resident(&self, id: K) -> bool {
        self.slots.contains(id)
    }

    /// The version of its last event; 0 if there is none.
    pub(super) fn version(&self, id: K) -> Version {
        self.slots.get(id).map_or(Version(0), |slot| slot.version)
    }

    /// Where its last event stands.
    pub(super) fn position(&self, id: K) -> Option<Position> {
        self.slots.get(id).map(|slot| slot.position)
    }

    /// Notes that an entity without events is known: it does not exist.
    pub(super) fn note_absent(&mut self, id: K) {
        self.slots.get_or_insert_with(id, Box::default);
    }

    /// Applies an event: `change` gets the state and gives the next one.
    pub(super) fn apply(
        &mut self,
        id: K,
        version: Version,
        position: Position,
        change: impl FnOnce(Option<T>) -> Option<T>,
    ) -> Applied<'_, T> {
        let mut entered = false;
        let slot = self.slots.get_or_insert_with(id, || {
            entered = true;
            Box::default()
        });
        slot.version = version;
        slot.position = position;
        slot.value = change(slot.value.take());
        Applied { value: slot.value.as_ref(), entered }
    }

    /// Those that exist, in the order of their ids.
    pub(super) fn existing(&self) -> impl Iterator<Item = (K, Version, &T)> {
        let slots = self.slots.sorted().into_iter();
        slots.filter_map(|(id, slot)| Some((id, slot.version, slot.value.as_ref()?)))
    }

    /// Drops an entity from memory.
    pub(super) fn evict(&mut self, id: K) -> Option<T> {
        self.slots.remove(id)?.value
    }

    /// How many are resident.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }
}
