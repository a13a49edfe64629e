//! Calls, as far as they have been reported (S01).
//!
//! Owns: a call's two sides and what each report added to them; when a call is over.
//! Does not own: which reports belong together (`matching`), nor the session beside the call (`session`).
//! Invariant: a side belongs to one party; both sides to different parties; a call that is over stays over.
//! Time: every instant arrives with the event.

mod decide;
mod report;
mod side;
mod vocabulary;
mod witness;

use serde::Serialize;

use crate::id::{CallId, DeviceId, SessionId};
use crate::matching::{Contradiction, Evidence, Rule, Waiting};
use crate::time::Instant;

pub use self::decide::{expire, notify, reconsider};
pub use self::report::{
    Attempt, InvalidAttempt, NetworkReference, Other, REFERENCES_MAX, ReferenceKind, Report, Reporter,
};
pub use self::side::{Naming, Seen, Side};
pub use self::vocabulary::{OverCause, Role, SideIndex, Stage};
pub use self::witness::Witness;

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Call {
    /// The side that was reported first.
    pub first: Side,
    /// The other one, once it has been found.
    pub second: Option<Side>,
    /// When it was first reported.
    pub opened: Instant,
    /// Until when the call waits for its other side, or, when it has both, until when it is given up.
    pub until: Instant,
    /// Why it waits, if it does.
    pub waiting: Option<Waiting>,
    /// The session beside it.
    pub session: Option<SessionId>,
    /// When and how it ended.
    pub over: Option<Over>,
}

/// The end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Over {
    /// When.
    pub at: Instant,
    /// Why.
    pub cause: OverCause,
    /// Until when a late report can still mean this call.
    pub closing_until: Instant,
}

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody reported a call of which nothing was known.
    Opened {
        /// The report.
        report: Box<Report>,
        /// Until when it waits for its other side.
        until: Instant,
        /// Why it waits.
        waiting: Waiting,
    },
    /// A further report on a side that is known: a later stage, another reporter, a reference.
    Reported {
        /// Which side.
        side: SideIndex,
        /// The report.
        report: Box<Report>,
    },
    /// It goes on waiting, for another reason than before.
    Waits {
        /// Why.
        waiting: Waiting,
        /// Until when; then it is decided afresh.
        until: Instant,
    },
    /// The other side was found.
    Joined {
        /// The side that was found.
        by: JoinedBy,
        /// The rule by which they were joined.
        rule: Rule,
        /// What spoke for it.
        evidence: Vec<Evidence>,
        /// When the call is given up if nobody reports its end.
        until: Instant,
        /// The session that is opened beside it, unless the call is over.
        session: Option<SessionId>,
    },
    /// This call turned out to be the other side of another one, and lives on there.
    Absorbed {
        /// The other one.
        into: CallId,
    },
    /// It is over.
    Ended {
        /// Why.
        cause: OverCause,
        /// The side that said so; `None` if time did.
        side: Option<SideIndex>,
        /// Until when a late report can still mean this call.
        closing_until: Instant,
        /// Devices that are told.
        told: Vec<DeviceId>,
    },
    /// Later evidence contradicts the join: the two sides belong to different calls.
    Parted {
        /// What contradicts it.
        contradiction: Contradiction,
        /// Until when a late report can still mean this call.
        closing_until: Instant,
        /// Devices that are told.
        told: Vec<DeviceId>,
    },
}

/// How the other side of a call was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JoinedBy {
    /// By a report that was received now.
    Report(Box<Report>),
    /// It had been waiting as a call of its own, which is absorbed.
    Absorbing {
        /// That call.
        call: CallId,
        /// The side, as it was known there.
        side: Box<Side>,
    },
}

impl Event {
    /// The devices that are told.
    pub fn told(&self) -> &[DeviceId] {
        match self {
            Self::Ended { told, .. } | Self::Parted { told, .. } => told,
            Self::Opened { .. }
            | Self::Reported { .. }
            | Self::Waits { .. }
            | Self::Joined { .. }
            | Self::Absorbed { .. } => &[],
        }
    }
}

impl Call {
    /// A side, by its index.
    pub const fn side(&self, index: SideIndex) -> Option<&Side> {
        match index {
            SideIndex::First => Some(&self.first),
            SideIndex::Second => self.second.as_ref(),
        }
    }

    /// Both sides, as far as they are known.
    pub fn sides(&self) -> impl Iterator<Item = (SideIndex, &Side)> {
        std::iter::once((SideIndex::First, &self.first))
            .chain(self.second.iter().map(|side| (SideIndex::Second, side)))
    }

    /// Whether a report that is received now can still mean this call.
    pub fn can_be_meant(&self, now: Instant) -> bool {
        self.over.is_none_or(|over| over.cause != OverCause::Absorbed && now <= over.closing_until)
    }

    /// Whether its other side has not been found, and still can be.
    pub fn is_free(&self, now: Instant) -> bool {
        self.second.is_none() && self.can_be_meant(now)
    }

    /// Every device that takes part, each once.
    pub fn devices(&self) -> Vec<DeviceId> {
        let mut devices: Vec<DeviceId> = Vec::with_capacity(2);
        for device in self.sides().flat_map(|(_, side)| side.devices.iter()) {
            if !devices.contains(device) {
                devices.push(*device);
            }
        }
        devices
    }
}

/// What a call is after an event. Total: an event that does not fit leaves it as it is.
#[must_use]
pub fn evolve(call: Option<Call>, event: &Event, at: Instant) -> Option<Call> {
    let Some(mut call) = call else {
        let Event::Opened { report, until, waiting } = event else { return None };
        return Some(Call {
            first: Side::of(report, at),
            second: None,
            opened: at,
            until: *until,
            waiting: Some(waiting.clone()),
            session: None,
            over: None,
        });
    };
    match event {
        Event::Opened { .. } => {}
        Event::Reported { side: SideIndex::First, report } => call.first.add(report, at),
        Event::Reported { side: SideIndex::Second, report } => {
            if let Some(side) = &mut call.second {
                side.add(report, at);
            }
        }
        Event::Waits { waiting, until } => {
            call.waiting = Some(waiting.clone());
            call.until = *until;
        }
        Event::Joined { by, until, session, .. } => {
            if call.second.is_none() {
                call.second = Some(match by {
                    JoinedBy::Report(report) => Side::of(report, at),
                    JoinedBy::Absorbing { side, .. } => (**side).clone(),
                });
            }
            call.waiting = None;
            call.until = *until;
            call.session = *session;
        }
        Event::Absorbed { .. } => {
            let at = call.over.map_or(at, |over| over.at);
            call.over = Some(Over { at, cause: OverCause::Absorbed, closing_until: at });
        }
        Event::Ended { cause, closing_until, .. } => {
            call.over = call.over.or(Some(Over { at, cause: *cause, closing_until: *closing_until }));
        }
        Event::Parted { closing_until, .. } => {
            call.over = call.over.or(Some(Over {
                at,
                cause: OverCause::Contradicted,
                closing_until: *closing_until,
            }));
        }
    }
    Some(call)
}
