//! Fingerprints: whether two states are the same, and where they differ.
//!
//! Owns: a digest over every resident entity that exists, in one order, with its version.
//! Does not own: the stored form of anything. A fingerprint is compared, never read back.
//! Invariant: the same commits give the same fingerprint on every machine (design, invariants 3 and 4). What is merely
//! resident, what was looked for and not found, and the order of arrival do not enter it.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::io::Write;

use serde::Serialize;

use super::State;
use super::table::Table;
use crate::commit::Version;
use crate::digest::Digest;
use crate::entity::EntityId;

impl State {
    /// A digest of all resident entities.
    pub fn fingerprint(&self) -> Digest {
        let mut whole = blake3::Hasher::new();
        for (entity, digest) in self.fingerprints() {
            whole.update(entity.to_string().as_bytes());
            whole.update(&digest.0);
        }
        Digest(*whole.finalize().as_bytes())
    }

    /// The entities in which two states differ.
    pub fn differences(&self, other: &Self) -> Vec<EntityId> {
        let (ours, theirs) = (self.fingerprints(), other.fingerprints());
        let mut differing: Vec<EntityId> = ours.keys().chain(theirs.keys()).copied().collect();
        differing.sort_unstable();
        differing.dedup();
        differing.retain(|entity| ours.get(entity) != theirs.get(entity));
        differing
    }

    fn fingerprints(&self) -> BTreeMap<EntityId, Digest> {
        let mut all = BTreeMap::new();
        add(&mut all, &self.registrations, EntityId::Registration);
        add(&mut all, &self.identities, EntityId::Identity);
        add(&mut all, &self.parties, EntityId::Party);
        add(&mut all, &self.devices, EntityId::Device);
        add(&mut all, &self.presences, EntityId::Presence);
        add(&mut all, &self.calls, EntityId::Call);
        add(&mut all, &self.sessions, EntityId::Session);
        all
    }
}

fn add<K: Hash + Ord + Copy, T: Serialize>(
    all: &mut BTreeMap<EntityId, Digest>,
    table: &Table<K, T>,
    entity: impl Fn(K) -> EntityId,
) {
    all.extend(table.existing().map(|(id, version, value)| (entity(id), digest_of(version, value))));
}

fn digest_of<T: Serialize>(version: Version, value: &T) -> Digest {
    let mut hasher = blake3::Hasher::new();
    // A hasher takes every byte, and the states have string keys and no fallible serializer: neither can fail.
    let written =
        write!(hasher, "{} ", version.0).is_ok() && serde_json::to_writer(&mut hasher, value).is_ok();
    debug_assert!(written, "a state is always JSON");
    Digest(*hasher.finalize().as_bytes())
}
