//! A side of a call: one party, and all that was reported on its behalf.
//!
//! Owns: how reports on one side add up.
//! Does not own: which side a report belongs to (`matching`).
//! Invariant: a side never forgets: a later report adds to what is known, and never takes away.

use serde::Serialize;

use super::Over;
use super::report::{NetworkReference, Other, REFERENCES_MAX, Report, Reporter};
use super::vocabulary::{Role, Stage};
use super::witness::Witness;
use crate::id::{DeviceId, PartyId};
use crate::identity::{Identity, LookupKey};
use crate::time::Instant;

/// The most reporters that a side remembers; further ones add nothing that a decision needs.
const WITNESSES_MAX: usize = 8;

/// The most devices of a side.
const DEVICES_MAX: usize = 16;

/// One party's side of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Side {
    /// The party; `None` for one that nobody has registered.
    pub party: Option<PartyId>,
    /// The identity by which it was named first.
    pub key: LookupKey,
    /// Whether that identity is a telephone number.
    pub by_number: bool,
    /// The other end, as this side sees it.
    pub other: Seen,
    /// Calling or called.
    pub role: Role,
    /// The latest stage that was reported.
    pub stage: Stage,
    /// What the network calls the call, seen from this side.
    pub references: Vec<NetworkReference>,
    /// Who has reported what.
    pub witnesses: Vec<Witness>,
    /// The devices that take part for this side.
    pub devices: Vec<DeviceId>,
    /// When the first report was received.
    pub first: Instant,
    /// When the last report was received.
    pub last: Instant,
}

/// The other end as a side sees it: what matching needs of [`Other`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Seen {
    /// By this key, which the directory may map to a party.
    Known {
        /// The key.
        key: LookupKey,
        /// The party.
        party: Option<PartyId>,
        /// Whether the identity is a telephone number.
        by_number: bool,
    },
    /// Withheld.
    Withheld,
    /// Not known.
    Unknown,
}

/// How a side is named by the other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// By the identity under which it was reported itself, or by another form of it that the directory knows.
    Exactly,
    /// By another telephone number of the same party: perhaps the same call, perhaps one on another line.
    ByAnotherNumber,
    /// Not at all: withheld, or not known.
    NotNamed,
    /// Somebody else is named.
    SomebodyElse,
}

impl From<&Other> for Seen {
    fn from(other: &Other) -> Self {
        match other {
            Other::Known { identity, key, party } => {
                Self::Known { key: *key, party: *party, by_number: matches!(identity, Identity::Number(_)) }
            }
            Other::Withheld => Self::Withheld,
            Other::Unknown => Self::Unknown,
        }
    }
}

impl Side {
    /// The side that a first report opens.
    pub fn of(report: &Report, received: Instant) -> Self {
        Self {
            party: report.party,
            key: report.key,
            by_number: matches!(report.on_behalf_of, Identity::Number(_)),
            other: Seen::from(&report.other),
            role: report.role,
            stage: report.stage,
            references: report.references.iter().take(REFERENCES_MAX).cloned().collect(),
            witnesses: vec![Witness::of(report)],
            devices: report.devices.iter().take(DEVICES_MAX).copied().collect(),
            first: received,
            last: received,
        }
    }

    /// Adds a further report.
    pub fn add(&mut self, report: &Report, received: Instant) {
        if matches!(self.other, Seen::Unknown | Seen::Withheld) && matches!(report.other, Other::Known { .. })
        {
            self.other = Seen::from(&report.other);
        }
        if self.role == Role::Unknown {
            self.role = report.role;
        }
        self.stage = self.stage.max(report.stage);
        for reference in &report.references {
            if self.references.len() < REFERENCES_MAX && !self.references.contains(reference) {
                self.references.push(reference.clone());
            }
        }
        let room = self.witnesses.len() < WITNESSES_MAX;
        match self.witnesses.iter_mut().find(|witness| witness.reporter == report.reporter) {
            Some(witness) => witness.add(report),
            None if room => self.witnesses.push(Witness::of(report)),
            None => {}
        }
        for device in &report.devices {
            if self.devices.len() < DEVICES_MAX && !self.devices.contains(device) {
                self.devices.push(*device);
            }
        }
        self.last = self.last.max(received);
    }

    /// Whether a further report would add nothing: it is a repeat.
    pub fn knows(&self, report: &Report) -> bool {
        let other_known = matches!(self.other, Seen::Known { .. }) || report.other.key().is_none();
        let role_known = self.role != Role::Unknown || report.role == Role::Unknown;
        let witnessed = match self.witness(&report.reporter) {
            Some(witness) => witness.knows(report),
            None => self.witnesses.len() >= WITNESSES_MAX,
        };
        other_known
            && role_known
            && witnessed
            && self.stage >= report.stage
            && (self.references.len() >= REFERENCES_MAX
                || report.references.iter().all(|reference| self.references.contains(reference)))
            && (self.devices.len() >= DEVICES_MAX
                || report.devices.iter().all(|device| self.devices.contains(device)))
    }

    /// What this reporter has said of the side.
    pub fn witness(&self, reporter: &Reporter) -> Option<&Witness> {
        self.witnesses.iter().find(|witness| witness.reporter == *reporter)
    }

    /// Whether anybody told this stage for the side.
    pub fn was(&self, stage: Stage) -> bool {
        self.witnesses.iter().flat_map(|witness| &witness.told).any(|(told, _)| *told == stage)
    }

    /// The end of the call, as far as this side has told it.
    pub fn over(&self) -> Option<Over> {
        self.stage.over().map(|cause| Over { at: self.last, cause, closing_until: self.last })
    }

    /// How this side is named by what the other one sees.
    pub fn naming(&self, seen: Seen) -> Naming {
        match seen {
            Seen::Withheld | Seen::Unknown => Naming::NotNamed,
            Seen::Known { key, .. } if key == self.key => Naming::Exactly,
            Seen::Known { party, by_number, .. } if party.is_some() && party == self.party => {
                if by_number && self.by_number { Naming::ByAnotherNumber } else { Naming::Exactly }
            }
            Seen::Known { .. } => Naming::SomebodyElse,
        }
    }
}
