//! Matching: which reports belong to one call (S01; design invariants 6 and 7).
//!
//! The heart of Paravox, and where it can do harm. Pure: the calls that could be meant and a side come in, a decision
//! with its evidence goes out.
//!
//! Owns: the table of evidence and contradiction (`evidence`), and the rules that turn findings into a decision.
//! Does not own: where candidates come from (`state::index`), nor what follows from a decision (`call::decide`).
//! Invariant: two sides are joined only if they belong to different parties, contradict each other in nothing, and
//! neither of them fits anything else as well. Otherwise the side waits, and says why.
//! Time: instants of receipt count. A reporter's clock orders what that reporter said, and is compared with no other.

mod evidence;
mod same_side;

use serde::{Deserialize, Serialize};

pub use self::evidence::{Contradiction, Evidence, Finding, Strength, weigh};
pub use self::same_side::{Fit, find_same_side, fit};
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
    /// Several calls fit equally well; or the one that fits does fit another one as well; or it was over before this one
    /// was first heard of, which may be a late report of that call, or a new call. A reference, an answer, an end, or
    /// the time after which one of them can no longer be meant will decide.
    Ambiguous {
        /// The calls that fit.
        candidates: Vec<CallId>,
    },
    /// A call fits, but one of the two does not name the other, or by another number: that alone proves nothing.
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
    let same = find_same_side(report, received, candidates, settings);
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

/// A call that fits.
struct Fitting<'a> {
    id: CallId,
    call: &'a Call,
    strength: Strength,
    evidence: Vec<Evidence>,
}

/// Looks for the call whose other side this one is. `own` is the call as which the side waits already, if it does.
///
/// | what fits | decision |
/// | --- | --- |
/// | one call by a reference | join |
/// | one call, strongly; and that call fits nothing else | join |
/// | one call, but it was over before; both are over, and it fits nothing else | join, without a session |
/// | one call, but it was over before | wait: ambiguous, the side may be late or new |
/// | several calls, or one that fits another one as well | wait: ambiguous |
/// | weak evidence only | wait: needs corroboration |
/// | none | wait: no partner |
pub fn find_other_side(
    side: &Side,
    own: Option<CallId>,
    candidates: &[(CallId, &Call)],
    settings: &CallSettings,
) -> Decision {
    let over = match candidates.iter().find(|(id, _)| Some(*id) == own) {
        Some((_, call)) => call.over,
        None => side.over(),
    };
    let mut weak = Vec::new();
    let mut fitting = Vec::new();
    for (id, call) in candidates.iter().filter(|(id, _)| Some(*id) != own) {
        match weigh(side, over, call, settings) {
            Finding::Contradicted(_) | Finding::Fits { strength: Strength::Nothing, .. } => {}
            Finding::Fits { strength: Strength::Weak, .. } => weak.push(*id),
            Finding::Fits { strength, evidence } => {
                fitting.push(Fitting { id: *id, call, strength, evidence });
            }
        }
    }
    if let Some(proven) = only(&mut fitting, |fitting| fitting.strength == Strength::Proof) {
        return proven.joins(Rule::SameReference);
    }
    let waits = |fitting: &[Fitting<'_>]| fitting.iter().map(|fitting| fitting.id).collect();
    match fitting.as_slice() {
        [] if weak.is_empty() => Decision::Wait(Waiting::NoPartner),
        [] => Decision::Wait(Waiting::NeedsCorroboration { candidates: weak }),
        [one] if !fits_another(one, own, candidates, settings) => {
            let both_over = over.is_some() && one.call.over.is_some();
            if one.strength == Strength::Late && !both_over {
                return Decision::Wait(Waiting::Ambiguous { candidates: waits(&fitting) });
            }
            match fitting.pop() {
                Some(one) => one.joins(Rule::EachNamesTheOther),
                None => Decision::Wait(Waiting::NoPartner),
            }
        }
        several => Decision::Wait(Waiting::Ambiguous { candidates: waits(several) }),
    }
}

impl Fitting<'_> {
    fn joins(self, rule: Rule) -> Decision {
        Decision::OtherSide { call: self.id, rule, evidence: self.evidence }
    }
}

/// Takes the only one out for which this holds; `None` if it holds for none, or for several.
fn only<'a>(fitting: &mut Vec<Fitting<'a>>, holds: impl Fn(&Fitting<'a>) -> bool) -> Option<Fitting<'a>> {
    let at = fitting.iter().position(&holds)?;
    let alone = !fitting[at + 1..].iter().any(holds);
    alone.then(|| fitting.swap_remove(at))
}

/// Whether a call fits another one than that as which the side waits, as well as the side.
fn fits_another(
    one: &Fitting<'_>,
    own: Option<CallId>,
    candidates: &[(CallId, &Call)],
    settings: &CallSettings,
) -> bool {
    candidates.iter().filter(|(id, _)| *id != one.id && Some(*id) != own).any(|(_, rival)| {
        matches!(
            weigh(&one.call.first, one.call.over, rival, settings),
            Finding::Fits { strength: Strength::Late | Strength::Strong | Strength::Proof, .. }
        )
    })
}
