//! The index of calls by the names that they bear: how a report finds the calls that it could mean.
//!
//! Owns: name → calls. A new report looks at its own names only, whatever else is open.
//! Does not own: whether a call that was found fits (`matching`).
//! Invariant: every resident call that can still be meant is found under each of its names.

use std::collections::BTreeMap;

use crate::call::{Call, Seen, Side};
use crate::id::{CallId, PartyId};
use crate::identity::LookupKey;

/// A name under which a call is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    /// A party.
    Party(PartyId),
    /// An identity, registered or not.
    Key(LookupKey),
}

/// Name → calls, in the order in which they were opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    calls: BTreeMap<Name, Vec<CallId>>,
}

/// The names of a side: its party and identity, and the other end that it names.
pub(super) fn names_of(side: &Side) -> impl Iterator<Item = Name> + use<> {
    let (seen_party, seen_key) = match side.other {
        // Both: a party may have registered an identity, or a further one, since the other side was reported.
        Seen::Known { key, party } => (party.map(Name::Party), Some(Name::Key(key))),
        Seen::Withheld | Seen::Unknown => (None, None),
    };
    [side.party.map(Name::Party), Some(Name::Key(side.key)), seen_party, seen_key].into_iter().flatten()
}

/// The names of a call: those of its sides.
fn names_of_call(call: &Call) -> impl Iterator<Item = Name> + '_ {
    call.sides().flat_map(|(_, side)| names_of(side))
}

impl Index {
    /// Adds a call under all of its names.
    pub(super) fn add(&mut self, id: CallId, call: &Call) {
        for name in names_of_call(call) {
            let calls = self.calls.entry(name).or_insert_with(|| Vec::with_capacity(1));
            if !calls.contains(&id) {
                calls.push(id);
            }
        }
    }

    /// Removes a call from all of its names.
    pub(super) fn remove(&mut self, id: CallId, call: &Call) {
        for name in names_of_call(call) {
            if let Some(calls) = self.calls.get_mut(&name) {
                calls.retain(|other| *other != id);
                if calls.is_empty() {
                    self.calls.remove(&name);
                }
            }
        }
    }

    /// The calls under any of these names, each once, oldest first.
    pub(super) fn find(&self, names: impl Iterator<Item = Name>) -> Vec<CallId> {
        let mut found = Vec::new();
        for name in names {
            for id in self.calls.get(&name).into_iter().flatten() {
                if !found.contains(id) {
                    found.push(*id);
                }
            }
        }
        found.sort_unstable();
        found
    }
}
