//! Same side: is a report another one on a side that is known, or the beginning of a new call?
//!
//! A party reports a call several times (attempt, alerting, answered, ended), perhaps from several reporters, perhaps
//! repeated, late or out of order. And it may call the same person again a minute later, or while the first call is
//! still closing.
//!
//! | the report, and what its reporter said of the side before | the same side? |
//! | --- | --- |
//! | another party, line or role, or another party at the other end; references that differ | no |
//! | a reference in common | yes, by name |
//! | both name the attempt | as the names say |
//! | both give times | as they are in order: each stage once, one after the other |
//! | the call was let go, and the report goes on | no: it opens the call anew |
//! | no times; the reporter said that it ended, and now tells an earlier stage | no: a redial |
//! | no times; a stage that goes on, or a repeat within `reorder` | yes |
//! | no times; a stage that does not go on, later than that | no: a redial whose predecessor's end was lost |
//! | its reporter said nothing of the side; the call goes on | yes |
//! | its reporter said nothing of the side; the call is over | within `reorder`, or if it tells the end |
//!
//! Owns: telling the two apart, and the choice among several sides that a report fits.
//! Invariant: two attempts that one reporter named differently are never the same call.

use super::evidence::references_differ;
use crate::call::{Call, Naming, OverCause, Report, Seen, Side, SideIndex, Stage, Witness};
use crate::id::CallId;
use crate::settings::CallSettings;
use crate::time::{Instant, Span};

/// How well a report fits a side: the better one is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// The call is over, and the report may be a late one.
    Closing,
    /// The call is going on.
    GoingOn,
    /// The call is over, and its reporter's clock says that the report belongs to it.
    ClosingInOrder,
    /// The call is going on, and its reporter's clock says that the report belongs to it.
    InOrder,
    /// The reporter or the network named the attempt.
    ByName,
}

/// The side to which a report belongs; of several, the one that it fits best, and of equals the latest.
pub fn find_same_side<'a>(
    report: &Report,
    received: Instant,
    candidates: &[(CallId, &'a Call)],
    settings: &CallSettings,
) -> Option<(CallId, &'a Call, SideIndex)> {
    let fitting = candidates.iter().flat_map(|(id, call)| {
        call.sides().filter_map(|(index, side)| {
            Some((fit(side, call, report, received, settings)?, (*id, *call, index)))
        })
    });
    fitting.max_by_key(|(fit, (id, ..))| (*fit, *id)).map(|(_, found)| found)
}

/// How well the report fits this side of this call; `None` if it belongs to another one. Read row by row.
pub fn fit(
    side: &Side,
    call: &Call,
    report: &Report,
    received: Instant,
    settings: &CallSettings,
) -> Option<Fit> {
    let same_line = side.naming(Seen::Known {
        key: report.key,
        party: report.party,
        by_number: matches!(report.on_behalf_of, crate::identity::Identity::Number(_)),
    });
    if same_line != Naming::Exactly
        || !other_fits(side.other, Seen::from(&report.other))
        || !side.role.fits_same(report.role)
        || !opposite_fits(side, call, report)
        || !call.can_be_meant(received)
        || references_differ(&report.references, &side.references).is_some()
    {
        return None;
    }
    if side.references.iter().any(|reference| report.references.contains(reference)) {
        return Some(Fit::ByName);
    }
    let going_on = |open, over| Some(if call.over.is_none() { open } else { over });
    let Some(witness) = side.witness(&report.reporter) else {
        return match call.over {
            None => Some(Fit::GoingOn),
            Some(_) if report.stage.over().is_some() => Some(Fit::Closing),
            Some(over) => (received.since(over.at) <= settings.reorder).then_some(Fit::Closing),
        };
    };
    if let (Some(ours), Some(theirs)) = (&witness.attempt, &report.attempt) {
        return (ours == theirs).then_some(Fit::ByName);
    }
    let goes_on = report.stage > witness.stage();
    let let_go = call.over.is_some_and(|over| over.cause == OverCause::NoPartner);
    match witness.in_order(report.stage, report.happened) {
        Some(false) => None,
        _ if let_go && goes_on && report.stage.over().is_none() => None,
        Some(true) if unanswered(call) && report.stage == Stage::Answered => None,
        Some(true) => going_on(Fit::InOrder, Fit::ClosingInOrder),
        None if repeats_or_goes_on(witness, side, report, received, settings.reorder) => {
            going_on(Fit::GoingOn, Fit::Closing)
        }
        None => None,
    }
}

/// Without names and times: whether a report goes on from what its reporter said last, or repeats it.
fn repeats_or_goes_on(
    witness: &Witness,
    side: &Side,
    report: &Report,
    received: Instant,
    reorder: Span,
) -> bool {
    let (before, now) = (witness.stage(), report.stage);
    match (before.over(), now.over()) {
        // It ended, and an earlier stage is told: a redial.
        (Some(_), None) => false,
        // It ended, and the end is told again.
        (Some(_), Some(_)) => true,
        (None, _) => now > before || received.since(side.last) <= reorder,
    }
}

/// Whether the call ended without an answer.
fn unanswered(call: &Call) -> bool {
    call.over.is_some_and(|over| matches!(over.cause, OverCause::NotAnswered | OverCause::Busy))
}

/// Whether the report speaks of the other side that the call has, if it has both.
fn opposite_fits(side: &Side, call: &Call, report: &Report) -> bool {
    let mut opposite = call.sides().map(|(_, other)| other).filter(|other| other.key != side.key);
    call.second.is_none()
        || opposite.all(|opposite| {
            opposite.role.fits_opposite(report.role)
                && opposite.naming(Seen::from(&report.other)) != Naming::SomebodyElse
        })
}

/// Whether two sightings of the other end can be the same one.
fn other_fits(ours: Seen, theirs: Seen) -> bool {
    match (ours, theirs) {
        (
            Seen::Known { key: ours, party: our_party, by_number: our_number },
            Seen::Known { key: theirs, party: their_party, by_number: their_number },
        ) => {
            ours == theirs
                || (our_party.is_some() && our_party == their_party && !(our_number && their_number))
        }
        _ => true,
    }
}
