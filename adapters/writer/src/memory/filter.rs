//! The filter in front of the archive: Bloom filters, one for each part of a day.
//!
//! Owns: generations that begin one after another; the oldest is dropped when everything in it may be forgotten.
//! Invariants: an id that was inserted within the time that is remembered is always found; memory is bounded by the bytes
//! that were allowed. A filter that is too small for its ids says "perhaps" too often, which costs questions only.
//! Time: instants arrive with the ids; they need not be exact.

use std::collections::VecDeque;
use std::hash::BuildHasher;

use paravox_domain::id::{CommandId, Id};
use paravox_domain::time::{Instant, Span};

use super::IdHashes;

/// Generations at a time. The newest is being filled; the others together cover the time that is remembered.
const GENERATIONS: usize = 5;
/// One cache line: all bits of an id are in one.
const WORDS_PER_BLOCK: usize = 8;
/// Bits that an id sets.
const BITS_PER_ID: u32 = 7;

/// A Bloom filter in blocks.
#[derive(Debug)]
pub(crate) struct Generation {
    words: Vec<u64>,
    hashes: IdHashes,
}

impl Generation {
    /// An empty one of this size.
    pub(crate) fn new(bytes: usize) -> Self {
        let blocks = (bytes / (8 * WORDS_PER_BLOCK)).max(1);
        Self { words: vec![0; blocks * WORDS_PER_BLOCK], hashes: IdHashes::default() }
    }

    /// Adds an id.
    pub(crate) fn insert(&mut self, id: CommandId) {
        let (start, bits) = self.place(id);
        for bit in bits {
            self.words[start + bit / 64] |= 1 << (bit % 64);
        }
    }

    /// Whether an id may have been added; `false` is certain.
    pub(crate) fn contains(&self, id: CommandId) -> bool {
        let (start, mut bits) = self.place(id);
        bits.all(|bit| self.words[start + bit / 64] & (1 << (bit % 64)) != 0)
    }

    /// The block of an id, and its bits in it.
    fn place(&self, id: CommandId) -> (usize, impl Iterator<Item = usize> + use<>) {
        let hash = self.hashes.hash_one(id.bits());
        let blocks = self.words.len() / WORDS_PER_BLOCK;
        let block = (u128::from(hash) * blocks as u128) >> 64;
        // The block comes from the upper bits; seven times nine further bits from a remix of all.
        let mixed = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let bits = (0..BITS_PER_ID).map(move |n| ((mixed >> (n * 9)) & 511) as usize);
        (block as usize * WORDS_PER_BLOCK, bits)
    }
}

/// Generations in order of time.
#[derive(Debug)]
pub(super) struct Filter {
    generations: VecDeque<(Instant, Generation)>,
    generation_bytes: usize,
    remembered_for: Span,
}

impl Filter {
    pub(super) fn new(bytes: usize, remembered_for: Span) -> Self {
        Self { generations: VecDeque::new(), generation_bytes: bytes / GENERATIONS, remembered_for }
    }

    pub(super) const fn remembered_for(&self) -> Span {
        self.remembered_for
    }

    pub(super) fn insert(&mut self, id: CommandId, at: Instant) {
        // Rounded up, so that the full generations cover the whole time.
        let part = Span(self.remembered_for.micros() / (GENERATIONS as i64 - 1) + 1);
        if self.generations.back().is_none_or(|(begun, _)| at.since(*begun) >= part) {
            if self.generations.len() == GENERATIONS {
                self.generations.pop_front();
            }
            self.generations.push_back((at, Generation::new(self.generation_bytes)));
        }
        if let Some((_, newest)) = self.generations.back_mut() {
            newest.insert(id);
        }
    }

    pub(super) fn contains(&self, id: CommandId) -> bool {
        self.generations.iter().any(|(_, generation)| generation.contains(id))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: Span = Span::seconds(24 * 3600);

    proptest! {
        #[test]
        fn i5_an_id_is_found_for_as_long_as_it_is_remembered(
            steps in prop::collection::vec((any::<u128>(), 0_i64..9 * 3600), 1..60),
        ) {
            let mut filter = Filter::new(1 << 14, DAY);
            let mut now = Instant(0);
            let mut inserted = Vec::new();
            for (bits, seconds) in steps {
                now = now + Span::seconds(seconds);
                filter.insert(CommandId::from_bits(bits), now);
                inserted.push((bits, now));
                for (bits, at) in &inserted {
                    if now.since(*at) <= DAY {
                        prop_assert!(filter.contains(CommandId::from_bits(*bits)));
                    }
                }
            }
        }
    }

    #[test]
    fn i9_generations_are_bounded_and_the_oldest_goes() {
        let mut filter = Filter::new(1 << 14, DAY);
        filter.insert(CommandId::from_bits(1), Instant(0));
        for hour in 1..=40 {
            filter.insert(CommandId::from_bits(hour as u128 + 1), Instant(0) + Span::seconds(hour * 3600));
        }
        assert!(filter.generations.len() <= GENERATIONS);
        assert!(!filter.contains(CommandId::from_bits(1)));
    }

    #[test]
    fn few_ids_are_mistaken_for_settled_ones_at_ten_bits_each() {
        let mut generation = Generation::new(10_000 * 10 / 8);
        for n in 0..10_000 {
            generation.insert(CommandId::from_bits(n));
        }
        let mistaken = (10_000..30_000).filter(|n| generation.contains(CommandId::from_bits(*n))).count();
        assert!(mistaken < 20_000 / 25, "{mistaken} of 20000");
    }
}
