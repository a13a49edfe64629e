//! A hasher for ids: one multiplication under a random key.
//!
//! Ids are 128 bits, and a sender may have chosen them; without the key nobody can tell which of them fall together. (The
//! standard library's hasher is stronger and took a twentieth of the writer's time.)
//!
//! Owns: the hash of one `u128`, or of something that writes a few integers.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Makes hashers with one random key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdHashes {
    keys: [u64; 2],
}

impl Default for IdHashes {
    fn default() -> Self {
        // The standard library draws the randomness.
        Self { keys: [RandomState::new().hash_one(1_u8), RandomState::new().hash_one(2_u8)] }
    }
}

impl BuildHasher for IdHashes {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher { state: self.keys[0], key: self.keys[1] }
    }
}

/// Hashes one id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdHasher {
    state: u64,
    key: u64,
}

/// Both halves of the product of two numbers, mixed.
const fn folded(a: u64, b: u64) -> u64 {
    let product = (a as u128) * (b as u128);
    (product as u64) ^ ((product >> 64) as u64)
}

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        folded(self.state, self.key | 1)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.state = folded(self.state ^ value, self.key ^ 0x9e37_79b9_7f4a_7c15);
    }

    fn write_u128(&mut self, value: u128) {
        self.state = folded(self.state ^ value as u64, self.key ^ (value >> 64) as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.write_u64(value as u64);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_that_differ_in_few_bits_spread_over_all_buckets() {
        let hashes = IdHashes::default();
        for shift in [0, 17, 48, 64, 80, 110] {
            let buckets: HashSet<u64> =
                (0..4_096_u128).map(|n| hashes.hash_one((7_u128 << 100) ^ (n << shift)) >> 52).collect();
            // 4096 balls in 4096 buckets leave about 1/e of them empty.
            assert!(buckets.len() > 2_200, "{} of 4096, shift {shift}", buckets.len());
            let low: HashSet<u64> =
                (0..4_096_u128).map(|n| hashes.hash_one((7_u128 << 100) ^ (n << shift)) & 4_095).collect();
            assert!(low.len() > 2_200, "{} of 4096, shift {shift}", low.len());
        }
    }
}
