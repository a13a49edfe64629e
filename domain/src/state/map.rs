//! Maps from ids: found in one step, however many there are.
//!
//! Ids and look-up keys are random where it matters (80 bits of each), and made by the server or under its key, so that
//! mixing their bits is enough: nobody can choose ids that collide.
//!
//! Owns: the map and its fixed hash.
//! Invariant: an order that differs from run to run is never seen: entries are listed in the order of their ids only.

use std::hash::{BuildHasherDefault, Hash, Hasher};

/// Mixes the bits of ids.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct IdHasher(u64);

impl IdHasher {
    fn mix(&mut self, low: u64, high: u64) {
        const ONE: u64 = 0x9e37_79b9_7f4a_7c15;
        const OTHER: u64 = 0xd1b5_4a32_d192_ed03;
        let product = u128::from(low ^ self.0 ^ ONE) * u128::from(high ^ OTHER);
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.mix(u64::from(*byte), 0);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.mix(value, 0);
    }

    fn write_u128(&mut self, value: u128) {
        self.mix(value as u64, (value >> 64) as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.mix(value as u64, 0);
    }
}

#[expect(clippy::disallowed_types, reason = "its hash is fixed, and nobody sees its order")]
type Entries<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<IdHasher>>;

/// A map from ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IdMap<K: Hash + Eq, V> {
    entries: Entries<K, V>,
}

impl<K: Hash + Eq, V> Default for IdMap<K, V> {
    fn default() -> Self {
        Self { entries: Entries::default() }
    }
}

impl<K: Hash + Ord + Copy, V> IdMap<K, V> {
    pub(super) fn get(&self, id: K) -> Option<&V> {
        self.entries.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: K) -> Option<&mut V> {
        self.entries.get_mut(&id)
    }

    pub(super) fn contains(&self, id: K) -> bool {
        self.entries.contains_key(&id)
    }

    pub(super) fn get_or_insert_with(&mut self, id: K, value: impl FnOnce() -> V) -> &mut V {
        self.entries.entry(id).or_insert_with(value)
    }

    pub(super) fn insert(&mut self, id: K, value: V) -> Option<V> {
        self.entries.insert(id, value)
    }

    /// Takes an entry out. A map that has become much too large for what it holds shrinks.
    pub(super) fn remove(&mut self, id: K) -> Option<V> {
        const WORTH_SHRINKING: usize = 1 << 16;
        let value = self.entries.remove(&id);
        if self.entries.capacity() > WORTH_SHRINKING && self.entries.len() < self.entries.capacity() / 8 {
            self.entries.shrink_to(self.entries.len() * 2);
        }
        value
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entries in the order of their ids.
    pub(super) fn sorted(&self) -> Vec<(K, &V)> {
        let mut sorted: Vec<(K, &V)> = self.entries.iter().map(|(id, value)| (*id, value)).collect();
        sorted.sort_unstable_by_key(|(id, _)| *id);
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i3_entries_are_listed_in_the_order_of_their_ids() {
        let mut map = IdMap::default();
        for id in [5_u128, 1, 1 << 100, 3] {
            map.insert(id, id);
        }
        let ids: Vec<u128> = map.sorted().into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, [1, 3, 5, 1 << 100]);
    }

    #[test]
    fn i9_a_map_that_was_large_gives_its_memory_back() {
        let mut map = IdMap::default();
        for id in 0..200_000_u128 {
            map.insert(id, ());
        }
        let large = map.entries.capacity();
        for id in 10..200_000_u128 {
            map.remove(id);
        }
        assert!(map.entries.capacity() < large / 2);
        assert_eq!(map.len(), 10);
    }
}
