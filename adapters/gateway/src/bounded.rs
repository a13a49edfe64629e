//! A map that forgets: at most so many entries, the oldest half goes first.
//!
//! Owns: the bound. Two generations: a full young one becomes the old one, and what was old is gone.
//! Does not own: how long an entry is good; the value says so.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// A bounded map for many threads.
pub(crate) struct Bounded<K, V> {
    generations: Mutex<Generations<K, V>>,
    half: usize,
}

struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Hash + Eq, V: Clone> Bounded<K, V> {
    /// A map of at most `entries_max` entries.
    pub(crate) fn new(entries_max: usize) -> Self {
        let generations = Generations { young: HashMap::new(), old: HashMap::new() };
        Self { generations: Mutex::new(generations), half: (entries_max / 2).max(1) }
    }

    /// What is remembered.
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.young.get(key).or_else(|| generations.old.get(key)).cloned()
    }

    /// Remembers.
    pub(crate) fn insert(&self, key: K, value: V) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if generations.young.len() >= self.half {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i9_it_never_holds_more_than_it_may_and_keeps_the_latest() {
        let map = Bounded::new(10);
        for n in 0..1_000 {
            map.insert(n, n);
            assert_eq!(map.get(&n), Some(n));
        }
        assert!((0..1_000).filter(|n| map.get(n).is_some()).count() <= 10);
    }
}
