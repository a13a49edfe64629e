//! Matching: which reports belong to one call (S01; design invariants 6 and 7).
//!
//! The heart of Paravox, and where it can do harm. Pure: the calls that could be meant and a side come in, a decision
//! with its evidence goes out.
//!
//! Owns: the table of evidence and contradiction (`evidence`), and the rules that turn findings into a decision.
//! Does not own: where candidates come from (`state::index`), nor what follows from a decision (`call::decide`).
//! Invariant: two sides are joined only if they belong to different parties, contradict each other in nothing, and no
//! other candidate fits as well. Otherwise the side waits, and says why.
//! Time: instants of receipt count; reporters' clocks are not believed.

mod evidence;
mod same_side;

use serde::{Deserialize, Serialize};

pub use self::evidence::{Contradiction, Evidence, Finding, Strength, weigh};
pub use self::same_side::is_same_side;
use crate::call::{Call, Report, Side, SideIndex};
use crate::id::CallId;
use crate::settings::CallSettings;
use crate::time::Instant;

/// By which rule two sides were joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The network gave both the same reference.
    SameReference,
    /// Each names the other, and no other call fits as well.
    EachNamesTheOther,
}

/// Why a side waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Waiting {
    /// Nobody has reported the other side.
    NoPartner,
    /// Several calls fit equally well. A reference, an answer or the end of one of them will decide.
    Ambiguous {
        /// The calls that fit.
        candidates: Vec<CallId>,
    },
    /// A call fits, but one of the two does not name the other: that alone proves nothing.
    NeedsCorroboration {
        /// The calls that fit.
        candidates: Vec<CallId>,
    },
}

impl Waiting {
    /// The calls that fit, if any does.
    pub fn candidates(&self) -> &[CallId] {
        match self {
            Self::NoPartner => &[],
            Self::Ambiguous { candidates } | Self::NeedsCorroboration { candidates } => candidates,
        }
    }
}

/// What a report means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A further report on a side that is known.
    SameSide {
        /// The call.
        call: CallId,
        /// The side.
        side: SideIndex,
        /// What the report contradicts on the other side, if it does: then the join was wrong.
        contradiction: Option<Contradiction>,
    },
    /// The other side of a call that is known.
    OtherSide {
        /// The call.
        call: CallId,
        /// The rule.
        rule: Rule,
        /// What speaks for it.
        evidence: Vec<Evidence>,
    },
    /// A call of its own, which waits.
    Wait(Waiting),
}

/// Decides what a report means, among the calls that share an identity with it.
pub fn decide(
    report: &Report,
    received: Instant,
    candidates: &[(CallId, &Call)],
    settings: &CallSettings,
) -> Decision {
    let same = candidates.iter().find_map(|(id, call)| {
        call.sides()
            .find(|(_, side)| is_same_side(side, call, report, received, settings))
            .map(|(index, _)| (*id, *call, index))
    });
    if let Some((id, call, side)) = same {
        let opposite = match side {
            SideIndex::First => call.second.as_ref(),
            SideIndex::Second => Some(&call.first),
        };
        let contradiction = opposite
            .and_then(|opposite| evidence::references_differ(&report.references, &opposite.references));
        return Decision::SameSide { call: id, side, contradiction };
    }
    find_other_side(&Side::of(report, received), None, candidates, settings)
}

/// Looks for the call whose other side this one is. `own` is the call as which the side waits already, if it does.
pub fn find_other_side(
    side: &Side,
    own: Option<CallId>,
    candidates: &[(CallId, &Call)],
    settings: &CallSettings,
) -> Decision {
    let mut proven = Vec::new();
    let mut strong = Vec::new();
    let mut weak = Vec::new();
    for (id, call) in candidates.iter().filter(|(id, _)| Some(*id) != own) {
        match weigh(side, call, settings) {
            Finding::Contradicted(_) => {}
            Finding::Fits { strength: Strength::Proof, evidence } => proven.push((*id, evidence)),
            Finding::Fits { strength: Strength::Strong, evidence } => strong.push((*id, evidence)),
            Finding::Fits { strength: Strength::Weak, .. } => weak.push(*id),
            Finding::Fits { strength: Strength::Nothing, .. } => {}
        }
    }
    let ids = |found: &[(CallId, Vec<Evidence>)]| found.iter().map(|(id, _)| *id).collect::<Vec<_>>();
    match (proven.as_mut_slice(), strong.as_mut_slice(), weak.as_slice()) {
        ([(call, evidence)], _, _) => {
            Decision::OtherSide { call: *call, rule: Rule::SameReference, evidence: std::mem::take(evidence) }
        }
        ([], [(call, evidence)], _) => Decision::OtherSide {
            call: *call,
            rule: Rule::EachNamesTheOther,
            evidence: std::mem::take(evidence),
        },
        ([], [], []) => Decision::Wait(Waiting::NoPartner),
        ([], [], weak) => Decision::Wait(Waiting::NeedsCorroboration { candidates: weak.to_vec() }),
        ([], several, _) => Decision::Wait(Waiting::Ambiguous { candidates: ids(several) }),
        (several, _, _) => Decision::Wait(Waiting::Ambiguous { candidates: ids(several) }),
    }
}
