//! Leg of a data session: one party's side of the pairing beside a call (S12).
//!
//! Owns: when a leg is invited, joined, lost, resumed, left.
//! Does not own: credentials and sockets; connections are told by commands.
//! Invariant: a leg that left stays away.

use serde::{Deserialize, Serialize};

use super::OpeningLeg;
use crate::id::{DeviceId, LegId, PartyId};
use crate::time::Instant;

/// One party's side of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leg {
    /// The leg.
    pub id: LegId,
    /// Its party.
    pub party: PartyId,
    /// Its devices: those that joined, or, while invited, those that may.
    pub devices: Vec<DeviceId>,
    /// Whether it wants the session to outlive the call.
    pub keeps: bool,
    /// Where it stands.
    pub state: LegState,
}

/// Where a leg stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum LegState {
    /// A device of the party may join; none has.
    Invited,
    /// Taking part.
    Joined,
    /// Its connection is lost; it may come back.
    Lost {
        /// Until when.
        until: Instant,
    },
    /// It left, and stays away.
    Left,
}

/// Why a leg left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaveCause {
    /// It chose to.
    Asked,
    /// It was lost, and did not come back in time.
    Lost,
}

impl Leg {
    /// The leg as it is when the session opens.
    pub fn of(opening: &OpeningLeg) -> Self {
        Self {
            id: opening.leg,
            party: opening.party,
            devices: opening.devices.clone(),
            keeps: false,
            state: if opening.joined { LegState::Joined } else { LegState::Invited },
        }
    }

    /// Whether it has not left.
    pub const fn is_in(&self) -> bool {
        !matches!(self.state, LegState::Left)
    }

    /// Takes a device in. The first one to join an invited leg becomes its only one.
    pub(super) fn join(&mut self, device: DeviceId) {
        match self.state {
            LegState::Left => return,
            LegState::Invited => self.devices = vec![device],
            LegState::Joined | LegState::Lost { .. } if !self.devices.contains(&device) => {
                self.devices.push(device);
            }
            LegState::Joined | LegState::Lost { .. } => {}
        }
        self.state = LegState::Joined;
    }
}
