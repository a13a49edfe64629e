//! Same side: is a report another one on a side that is known, or the beginning of a new call?
//!
//! A party reports a call several times (attempt, alerting, answered, ended), perhaps from several reporters, perhaps
//! repeated, late or out of order. And it may call the same person again a minute later, or while the first call is
//! still closing.
//!
//! Owns: telling the two apart.
//! Invariant: two attempts that one reporter named differently are never the same call.

use crate::call::{Call, Report, Seen, Side};
use crate::settings::CallSettings;
use crate::time::Instant;

/// Whether the report belongs to this side of this call.
///
/// Read row by row: the first row that applies decides.
pub fn is_same_side(
    side: &Side,
    call: &Call,
    report: &Report,
    received: Instant,
    settings: &CallSettings,
) -> bool {
    let same_party = side.key == report.key || (side.party.is_some() && side.party == report.party);
    if !same_party || !side.role.fits_same(report.role) || !call.can_be_meant(received) {
        return false;
    }
    if super::evidence::references_differ(&report.references, &side.references).is_some() {
        return false;
    }
    if side.references.iter().any(|reference| report.references.contains(reference)) {
        return true;
    }
    if !other_fits(side.other, Seen::from(&report.other)) {
        return false;
    }
    let earlier = side.reporters.iter().find(|(reporter, _)| *reporter == report.reporter);
    match earlier.map(|(_, attempt)| (attempt.as_ref(), report.attempt.as_ref())) {
        // The reporter names its attempts: its word decides.
        Some((Some(ours), Some(theirs))) => return ours == theirs,
        // It reported this side before, and names no attempt: a stage that does not go on is a repeat, or a redial.
        Some(_) if report.stage <= side.stage && received.since(side.last) > settings.reorder => {
            return false;
        }
        Some(_) => {}
        // Another reporter for the same party: as long as the call is young or the stage goes on.
        None => {}
    }
    match call.over {
        None => true,
        // The call is over. A report of the end belongs to it; so does an earlier stage that was late, as long as this
        // side has not said itself that it is over. A stage beyond what this side knew is a new call's.
        Some(_) => {
            report.stage.over().is_some() || (report.stage <= side.stage && side.stage.over().is_none())
        }
    }
}

/// Whether two sightings of the other end can be the same one.
fn other_fits(ours: Seen, theirs: Seen) -> bool {
    match (ours, theirs) {
        (Seen::Known { key: a, party: p }, Seen::Known { key: b, party: q }) => {
            a == b || (p.is_some() && p == q)
        }
        _ => true,
    }
}
