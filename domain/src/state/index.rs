//! The index of calls by the names that they bear: how a report finds the calls that it could mean.
//!
//! | a side that | finds the calls |
//! | --- | --- |
//! | any | on whose sides its own party is: further reports, and calls with which it competes |
//! | names its other end | on whose sides that party is |
//! | does not name it | that wait, and name this side |
//!
//! Owns: name → calls. A new report looks at its own names only, whatever else is open.
//! Does not own: whether a call that was found fits (`matching`).
//! Invariant: every resident call that can still be meant is found under each of its names. Nobody but a party itself,
//! and whoever may speak for it, puts calls under the names that a report with two known numbers looks at.

use super::map::IdMap;
use crate::call::{Call, Seen, Side};
use crate::id::{CallId, PartyId};
use crate::identity::LookupKey;

/// A name under which a call is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Name {
    /// This party is on one of its sides.
    Party(PartyId),
    /// Somebody whom nobody has registered is on one of its sides, by this identity.
    Key(LookupKey),
    /// It waits for this party.
    WaitsForParty(PartyId),
    /// It waits for whoever has this identity.
    WaitsForKey(LookupKey),
}

/// Name → calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    calls: IdMap<Name, Vec<CallId>>,
}

/// The names under which a party looks for calls, which has this identity and sees this other end.
pub(super) fn names_sought(
    (party, key): (Option<PartyId>, LookupKey),
    other: Seen,
) -> impl Iterator<Item = Name> + use<> {
    let others = match other {
        Seen::Known { party: Some(party), .. } => [Some(Name::Party(party)), None],
        Seen::Known { key, party: None, .. } => [Some(Name::Key(key)), None],
        Seen::Withheld | Seen::Unknown => [party.map(Name::WaitsForParty), Some(Name::WaitsForKey(key))],
    };
    std::iter::once(party.map_or(Name::Key(key), Name::Party)).chain(others.into_iter().flatten())
}

fn own_name(side: &Side) -> Name {
    side.party.map_or(Name::Key(side.key), Name::Party)
}

/// The names of a call while it waits for its other side.
fn names_awaited(call: &Call) -> impl Iterator<Item = Name> + use<> {
    let names = match call.first.other {
        // Both: a party may register an identity after somebody has named it.
        Seen::Known { key, party, .. } => [party.map(Name::WaitsForParty), Some(Name::WaitsForKey(key))],
        Seen::Withheld | Seen::Unknown => [None, None],
    };
    names.into_iter().flatten()
}

impl Index {
    /// Puts a call under the names that it has now.
    pub(super) fn set(&mut self, id: CallId, call: &Call) {
        for (_, side) in call.sides() {
            self.add(own_name(side), id);
        }
        for name in names_awaited(call) {
            if call.second.is_none() {
                self.add(name, id);
            } else {
                self.take(name, id);
            }
        }
    }

    /// Removes a call from all of its names.
    pub(super) fn remove(&mut self, id: CallId, call: &Call) {
        for (_, side) in call.sides() {
            self.take(own_name(side), id);
        }
        for name in names_awaited(call) {
            self.take(name, id);
        }
    }

    fn add(&mut self, name: Name, id: CallId) {
        let calls = self.calls.get_or_insert_with(name, || Vec::with_capacity(1));
        if !calls.contains(&id) {
            calls.push(id);
        }
    }

    fn take(&mut self, name: Name, id: CallId) {
        if let Some(calls) = self.calls.get_mut(name) {
            calls.retain(|other| *other != id);
            if calls.is_empty() {
                self.calls.remove(name);
            }
        }
    }

    /// The calls under any of these names, each once, oldest first.
    pub(super) fn find(&self, names: impl Iterator<Item = Name>) -> Vec<CallId> {
        let mut found: Vec<CallId> =
            names.filter_map(|name| self.calls.get(name)).flatten().copied().collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}
