//! The table of evidence and contradiction: what speaks for and against two sides being one call.
//!
//! | finding | kind |
//! | --- | --- |
//! | the same network reference from the same issuer | proof |
//! | each names the other, through any form of its identity | strong |
//! | the same, but the one was over before the other was first heard of | late: a late report of that call, or a new one |
//! | one names the other; the other one does not know, or the number is withheld | weak |
//! | one names the other by another telephone number of its party | weak: perhaps a call on another line |
//! | both calling, or both called | contradiction |
//! | a known number that is not the other party's | contradiction |
//! | references of one kind and issuer that differ | contradiction |
//! | one was answered, the other one busy or not answered | contradiction |
//! | one was over too long before the other was first heard of; their ends lie too far apart | contradiction |
//! | outside of the window | contradiction |
//! | the same party on both sides | contradiction |
//! | the side is taken by another party | contradiction |
//!
//! Owns: the table. Does not own: the decision that follows from several findings (`matching`).
//! Invariant: symmetric where the table is: swapping the sides changes no finding.
//! Time: instants of receipt, as intervals: from the first report of a side to its end. Reporters' clocks are not
//! compared with each other.

use serde::{Deserialize, Serialize};

use crate::call::{Call, Naming, NetworkReference, Over, OverCause, Role, Side, Stage};
use crate::settings::CallSettings;
use crate::time::{Instant, Span};

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

impl Evidence {
    /// The same, seen from the other side.
    #[must_use]
    pub const fn swapped(self) -> Self {
        match self {
            Self::FirstNamesSecond => Self::SecondNamesFirst,
            Self::SecondNamesFirst => Self::FirstNamesSecond,
            Self::SameReference | Self::OppositeRoles => self,
        }
    }
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
    /// One was answered, the other one busy or not answered.
    StagesDiffer,
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
    /// As strong as can be, but one was over before the other was first heard of. Decides nothing for a call that is in
    /// progress, and keeps others from deciding.
    Late,
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

/// Weighs whether `side`, which is over or not, is the other side of `call`.
pub fn weigh(side: &Side, over: Option<Over>, call: &Call, settings: &CallSettings) -> Finding {
    if let Some(contradiction) = contradiction(side, over, call, settings) {
        return Finding::Contradicted(contradiction);
    }
    let first = &call.first;
    let (names_second, names_first) = (side.naming(first.other), first.naming(side.other));
    let same_reference = first.references.iter().any(|reference| side.references.contains(reference));
    let opposite_roles = first.role != side.role && first.role != Role::Unknown && side.role != Role::Unknown;

    let strength = match (same_reference, names_second, names_first) {
        (true, _, _) => Strength::Proof,
        (false, Naming::Exactly, Naming::Exactly) if gap(side, over, call) > Span::ZERO => Strength::Late,
        (false, Naming::Exactly, Naming::Exactly) => Strength::Strong,
        (false, Naming::NotNamed, Naming::NotNamed) => Strength::Nothing,
        (false, _, _) => Strength::Weak,
    };
    let evidence = [
        (same_reference, Evidence::SameReference),
        (names_second != Naming::NotNamed, Evidence::FirstNamesSecond),
        (names_first != Naming::NotNamed, Evidence::SecondNamesFirst),
        (opposite_roles, Evidence::OppositeRoles),
    ]
    .into_iter()
    .filter_map(|(holds, evidence)| holds.then_some(evidence))
    .collect();
    Finding::Fits { strength, evidence }
}

/// The first contradiction in the order of the table, if there is any.
fn contradiction(
    side: &Side,
    over: Option<Over>,
    call: &Call,
    settings: &CallSettings,
) -> Option<Contradiction> {
    let first = &call.first;
    if call.second.is_some() {
        Some(Contradiction::SideTaken)
    } else if first.key == side.key || (first.party.is_some() && first.party == side.party) {
        Some(Contradiction::SameParty)
    } else if !first.role.fits_opposite(side.role) {
        Some(Contradiction::SameRole)
    } else if [side.naming(first.other), first.naming(side.other)].contains(&Naming::SomebodyElse) {
        Some(Contradiction::NamesSomebodyElse)
    } else if let Some(contradiction) = references_differ(&side.references, &first.references) {
        Some(contradiction)
    } else if stages_differ(side, first) || stages_differ(first, side) {
        Some(Contradiction::StagesDiffer)
    } else if gap(side, over, call) > patience(over, call.over, settings)
        || ends_differ(over, call.over, settings)
    {
        Some(Contradiction::OverBefore)
    } else if call.over.is_none()
        && over.is_none()
        && first.first.since(side.first).0.abs() > settings.window.0
    {
        Some(Contradiction::OutsideWindow)
    } else {
        None
    }
}

/// Whether the one was answered, while the other one says that nobody did.
fn stages_differ(one: &Side, other: &Side) -> bool {
    one.was(Stage::Answered) && (other.was(Stage::NotAnswered) || other.was(Stage::Busy))
}

/// How much later than the end of the one the other was first heard of; nothing if they overlap.
fn gap(side: &Side, over: Option<Over>, call: &Call) -> Span {
    let after = |begin: Instant, over: Option<Over>| over.map_or(Span::ZERO, |over| begin.since(over.at));
    after(side.first, call.over).max(after(call.first.first, over)).max(Span::ZERO)
}

/// How late the other side of a call that is over can be. Two calls that are over are joined for the record alone, and
/// are not waited for as long. A call that was let go because nobody reported its other side goes on, perhaps: its
/// party's next report opens it anew.
fn patience(one: Option<Over>, other: Option<Over>, settings: &CallSettings) -> Span {
    let let_go = |over: Option<Over>| over.is_some_and(|over| over.cause == OverCause::NoPartner);
    if let_go(one) || let_go(other) {
        Span::ZERO
    } else if one.is_some() && other.is_some() {
        settings.reorder
    } else {
        settings.closing
    }
}

/// Whether both are over, and their ends lie further apart than two reports of one end do.
fn ends_differ(one: Option<Over>, other: Option<Over>, settings: &CallSettings) -> bool {
    one.zip(other).is_some_and(|(one, other)| one.at.since(other.at).0.abs() > settings.reorder.0)
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
