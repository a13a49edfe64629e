//! Sessions: the data session beside a call (S01, S12, S15).
//!
//! Owns: a session's legs, its messages' numbers, and when it closes.
//! Does not own: the call (`call`), the messages' texts (they stand in events and read models), sockets, credentials.
//! Invariant: a closed session accepts no event; a party has one leg; messages are numbered 1, 2, 3 …
//! Time: every instant arrives with the command or the event.

mod decide;
mod leg;

use serde::{Deserialize, Serialize};

pub use self::decide::{
    call_over, contradicted, device_added, device_back, device_lost, expire, join, keep, leave, open,
    send_text,
};
pub use self::leg::{LeaveCause, Leg, LegState};
use crate::id::{CallId, DeviceId, LegId, MessageId, PartyId};
use crate::time::Instant;

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Session {
    /// The call that it stands beside.
    pub call: CallId,
    /// Its legs, in the order of the call's sides.
    pub legs: Vec<Leg>,
    /// Messages so far.
    pub messages: u64,
    /// When the call ended, if it did and the session outlives it.
    pub outlives_since: Option<Instant>,
    /// When time alone changes something: a lost leg's grace, the longest outliving.
    pub until: Instant,
    /// Why it is closed, if it is.
    pub closed: Option<CloseCause>,
}

/// Why a session closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseCause {
    /// The call ended, and nobody chose to keep the session.
    CallEnded,
    /// Fewer than two legs are left.
    LegsLeft,
    /// It outlived its call for as long as it may.
    OutlivedLongest,
    /// Its two sides turned out to belong to different calls.
    Contradicted,
}

/// A leg as it is when a session opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpeningLeg {
    /// The leg.
    pub leg: LegId,
    /// Its party.
    pub party: PartyId,
    /// Its devices.
    pub devices: Vec<DeviceId>,
    /// Whether it is joined from the beginning: its device reported the call itself.
    pub joined: bool,
}

/// What happens to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was opened beside a call.
    Opened {
        /// The call.
        call: CallId,
        /// Its legs.
        legs: Vec<OpeningLeg>,
        /// Devices that are told.
        told: Vec<DeviceId>,
    },
    /// A device took its place, in a leg that was invited or as a further device of a leg.
    DeviceJoined {
        /// The leg.
        leg: LegId,
        /// The device.
        device: DeviceId,
        /// Devices that are told.
        told: Vec<DeviceId>,
    },
    /// A leg's last connected device lost its connection.
    LegLost {
        /// The leg.
        leg: LegId,
        /// The device.
        device: DeviceId,
        /// Until when it may come back.
        until: Instant,
        /// Devices that are told.
        told: Vec<DeviceId>,
    },
    /// A lost leg came back.
    LegResumed {
        /// The leg.
        leg: LegId,
        /// The device.
        device: DeviceId,
        /// Devices that are told.
        told: Vec<DeviceId>,
    },
    /// A leg left.
    LegLeft {
        /// The leg.
        leg: LegId,
        /// Why.
        cause: LeaveCause,
        /// Devices that are told, the leaver's included.
        told: Vec<DeviceId>,
    },
    /// A leg chose whether the session outlives the call.
    Kept {
        /// The leg.
        leg: LegId,
        /// Its choice.
        keep: bool,
        /// Devices that are told.
        told: Vec<DeviceId>,
    },
    /// The call ended, and the session goes on.
    OutlivesCall {
        /// Until when, at the longest.
        until: Instant,
        /// Devices that are told.
        told: Vec<DeviceId>,
    },
    /// A text message.
    TextSent {
        /// The message.
        message: MessageId,
        /// Its number: 1, 2, 3 …
        number: u64,
        /// The leg that sent it.
        leg: LegId,
        /// The device that sent it.
        device: DeviceId,
        /// The text.
        text: String,
        /// Devices that are told, the sender's included: everybody sees one order.
        told: Vec<DeviceId>,
    },
    /// It is closed.
    Closed {
        /// Why.
        cause: CloseCause,
        /// Devices that are told.
        told: Vec<DeviceId>,
    },
}

impl Event {
    /// The devices that are told.
    pub fn told(&self) -> &[DeviceId] {
        match self {
            Self::Opened { told, .. }
            | Self::DeviceJoined { told, .. }
            | Self::LegLost { told, .. }
            | Self::LegResumed { told, .. }
            | Self::LegLeft { told, .. }
            | Self::Kept { told, .. }
            | Self::OutlivesCall { told, .. }
            | Self::TextSent { told, .. }
            | Self::Closed { told, .. } => told,
        }
    }
}

impl Session {
    /// The leg of a party.
    pub fn leg_of(&self, party: PartyId) -> Option<&Leg> {
        self.legs.iter().find(|leg| leg.party == party)
    }

    /// The devices of all legs that have not left: those that are told.
    pub fn told(&self) -> Vec<DeviceId> {
        self.legs.iter().filter(|leg| leg.is_in()).flat_map(|leg| leg.devices.iter().copied()).collect()
    }

    fn leg_mut(&mut self, id: LegId) -> Option<&mut Leg> {
        self.legs.iter_mut().find(|leg| leg.id == id)
    }

    /// When time alone changes something, from what the legs and the call say.
    fn next_deadline(&self) -> Instant {
        let lost = self.legs.iter().filter_map(|leg| match leg.state {
            LegState::Lost { until } => Some(until),
            LegState::Invited | LegState::Joined | LegState::Left => None,
        });
        lost.min().unwrap_or(Instant::MAX).min(self.until)
    }

    /// When time alone changes something; `None` if never.
    pub fn deadline(&self) -> Option<Instant> {
        let deadline = self.next_deadline();
        (self.closed.is_none() && deadline < Instant::MAX).then_some(deadline)
    }
}

/// What a session is after an event. Total: an event that does not fit leaves it as it is.
#[must_use]
pub fn evolve(session: Option<Session>, event: &Event, at: Instant) -> Option<Session> {
    let Some(mut session) = session else {
        let Event::Opened { call, legs, .. } = event else { return None };
        return Some(Session {
            call: *call,
            legs: legs.iter().map(Leg::of).collect(),
            messages: 0,
            outlives_since: None,
            until: Instant::MAX,
            closed: None,
        });
    };
    match event {
        Event::Opened { .. } => {}
        Event::DeviceJoined { leg, device, .. } => {
            if let Some(leg) = session.leg_mut(*leg) {
                leg.join(*device);
            }
        }
        Event::LegLost { leg, until, .. } => {
            if let Some(leg) = session.leg_mut(*leg).filter(|leg| leg.is_in()) {
                leg.state = LegState::Lost { until: *until };
            }
        }
        Event::LegResumed { leg, .. } => {
            if let Some(leg) = session.leg_mut(*leg).filter(|leg| leg.is_in()) {
                leg.state = LegState::Joined;
            }
        }
        Event::LegLeft { leg, .. } => {
            if let Some(leg) = session.leg_mut(*leg) {
                leg.state = LegState::Left;
            }
        }
        Event::Kept { leg, keep, .. } => {
            if let Some(leg) = session.leg_mut(*leg) {
                leg.keeps = *keep;
            }
        }
        Event::OutlivesCall { until, .. } => {
            session.outlives_since = session.outlives_since.or(Some(at));
            session.until = *until;
        }
        Event::TextSent { number, .. } => session.messages = session.messages.max(*number),
        Event::Closed { cause, .. } => session.closed = session.closed.or(Some(*cause)),
    }
    Some(session)
}
