//! The table of evidence and contradiction: what speaks for and against two sides being one call.
//!
//! | finding | kind |
//! | --- | --- |
//! | the same network reference from the same issuer | proof |
//! | each names the other | strong |
//! | one names the other; the other one does not know, or the number is withheld | weak |
//! | both calling, or both called | contradiction |
//! | a known number that is not the other party's | contradiction |
//! | references of one kind and issuer that differ | contradiction |
//! | one ended before the other began; outside of the window | contradiction |
//! | the same party on both sides | contradiction |
//! | the side is taken by another party | contradiction |
//!
//! Owns: the table. Does not own: the decision that follows from several findings (`matching`).
//! Invariant: symmetric where the table is: swapping the sides changes no finding.

use serde::{Deserialize, Serialize};

use crate::call::{Call, NetworkReference, Seen, Side};
use crate::settings::CallSettings;

/// Something that speaks for two sides being one call. It stands in the event: an auditor sees why they were joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The network gave both the same reference.
    SameReference,
    /// The first side names the second one.
    FirstNamesSecond,
    /// The second side names the first one.
    SecondNamesFirst,
    /// One is calling, the other one called.
    OppositeRoles,
}

/// Something that rules out that two sides are one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contradiction {
    /// Both calling, or both called.
    SameRole,
    /// The one names somebody who is not the other one.
    NamesSomebodyElse,
    /// References of one kind and issuer that differ.
    ReferencesDiffer,
    /// One was over before the other one began.
    OverBefore,
    /// Reported too far apart.
    OutsideWindow,
    /// The same party on both sides.
    SameParty,
    /// The call has its other side already.
    SideTaken,
}

/// How strongly the evidence speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Not at all.
    Nothing,
    /// Needs corroboration.
    Weak,
    /// Decides, if it is alone.
    Strong,
    /// Decides.
    Proof,
}

/// What a comparison found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The two cannot be one call.
    Contradicted(Contradiction),
    /// They can.
    Fits {
        /// How strong the evidence is.
        strength: Strength,
        /// The evidence.
        evidence: Vec<Evidence>,
    },
}

/// Weighs whether `side` is the other side of `call`.
pub fn weigh(side: &Side, call: &Call, settings: &CallSettings) -> Finding {
    if let Some(contradiction) = contradiction(side, call, settings) {
        return Finding::Contradicted(contradiction);
    }
    let first = &call.first;
    let first_names_second = side.is_named_by(first.other);
    let second_names_first = first.is_named_by(side.other);
    let same_reference = first.references.iter().any(|reference| side.references.contains(reference));
    let opposite_roles = first.role != side.role
        && first.role != crate::call::Role::Unknown
        && side.role != crate::call::Role::Unknown;

    let strength = match (same_reference, first_names_second, second_names_first) {
        (true, _, _) => Strength::Proof,
        (false, true, true) => Strength::Strong,
        (false, true, false) | (false, false, true) => Strength::Weak,
        (false, false, false) => Strength::Nothing,
    };
    let evidence = [
        (same_reference, Evidence::SameReference),
        (first_names_second, Evidence::FirstNamesSecond),
        (second_names_first, Evidence::SecondNamesFirst),
        (opposite_roles, Evidence::OppositeRoles),
    ]
    .into_iter()
    .filter_map(|(holds, evidence)| holds.then_some(evidence))
    .collect();
    Finding::Fits { strength, evidence }
}

/// The first contradiction in the order of the table, if there is any.
fn contradiction(side: &Side, call: &Call, settings: &CallSettings) -> Option<Contradiction> {
    let first = &call.first;
    let names_somebody_else =
        |seen: Seen, who: &Side| matches!(seen, Seen::Known { .. }) && !who.is_named_by(seen);
    if call.second.is_some() {
        Some(Contradiction::SideTaken)
    } else if first.key == side.key || (first.party.is_some() && first.party == side.party) {
        Some(Contradiction::SameParty)
    } else if !first.role.fits_opposite(side.role) {
        Some(Contradiction::SameRole)
    } else if names_somebody_else(first.other, side) || names_somebody_else(side.other, first) {
        Some(Contradiction::NamesSomebodyElse)
    } else if let Some(contradiction) = references_differ(&side.references, &first.references) {
        Some(contradiction)
    } else if call.over.is_some_and(|over| side.first > over.closing_until) {
        Some(Contradiction::OverBefore)
    } else if first.first.since(side.first).0.abs() > settings.window.0 {
        Some(Contradiction::OutsideWindow)
    } else {
        None
    }
}

/// Whether two sets of references contradict each other: the same kind and issuer, and nothing in common.
pub(super) fn references_differ(
    ours: &[NetworkReference],
    theirs: &[NetworkReference],
) -> Option<Contradiction> {
    let comparable = |a: &NetworkReference, b: &NetworkReference| a.kind == b.kind && a.issuer == b.issuer;
    ours.iter()
        .any(|our| {
            let mut rivals = theirs.iter().filter(|their| comparable(our, their)).peekable();
            rivals.peek().is_some() && rivals.all(|their| their.value != our.value)
        })
        .then_some(Contradiction::ReferencesDiffer)
}
