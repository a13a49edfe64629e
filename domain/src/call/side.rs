//! A side of a call: one party, and all that was reported on its behalf.
//!
//! Owns: how reports on one side add up.
//! Does not own: which side a report belongs to (`matching`).
//! Invariant: a side never forgets: a later report adds to what is known, and never takes away.

use super::report::{Attempt, NetworkReference, Other, REFERENCES_MAX, Report, Reporter};
use super::vocabulary::{Role, Stage};
use crate::id::{DeviceId, PartyId};
use crate::identity::LookupKey;
use crate::time::Instant;

/// The most reporters and attempts that a side remembers; further ones add nothing that a decision needs.
const REPORTERS_MAX: usize = 8;

/// The most devices of a side.
const DEVICES_MAX: usize = 16;

/// One party's side of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// The party; `None` for one that nobody has registered.
    pub party: Option<PartyId>,
    /// The identity by which it was named first.
    pub key: LookupKey,
    /// The other end, as this side sees it.
    pub other: Seen,
    /// Calling or called.
    pub role: Role,
    /// The latest stage that was reported.
    pub stage: Stage,
    /// What the network calls the call, seen from this side.
    pub references: Vec<NetworkReference>,
    /// Who has reported, each with its word for the attempt.
    pub reporters: Vec<(Reporter, Option<Attempt>)>,
    /// The devices that take part for this side.
    pub devices: Vec<DeviceId>,
    /// When the first report was received.
    pub first: Instant,
    /// When the last report was received.
    pub last: Instant,
}

/// The other end as a side sees it: what matching needs of [`Other`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// By this key, which the directory may map to a party.
    Known {
        /// The key.
        key: LookupKey,
        /// The party.
        party: Option<PartyId>,
    },
    /// Withheld.
    Withheld,
    /// Not known.
    Unknown,
}

impl From<&Other> for Seen {
    fn from(other: &Other) -> Self {
        match other {
            Other::Known { key, party, .. } => Self::Known { key: *key, party: *party },
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
            other: Seen::from(&report.other),
            role: report.role,
            stage: report.stage,
            references: report.references.iter().take(REFERENCES_MAX).cloned().collect(),
            reporters: vec![(report.reporter.clone(), report.attempt.clone())],
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
        let room = self.reporters.len() < REPORTERS_MAX;
        match self.reporters.iter_mut().find(|(reporter, _)| *reporter == report.reporter) {
            Some((_, attempt)) if attempt.is_none() => attempt.clone_from(&report.attempt),
            Some(_) => {}
            None if room => self.reporters.push((report.reporter.clone(), report.attempt.clone())),
            None => {}
        }
        for device in &report.devices {
            if self.devices.len() < DEVICES_MAX && !self.devices.contains(device) {
                self.devices.push(*device);
            }
        }
        self.last = self.last.max(received);
    }

    /// Whether a further report would change nothing: it is a repeat.
    pub fn knows(&self, report: &Report) -> bool {
        let mut added = self.clone();
        added.add(report, self.last);
        added == *self
    }

    /// Whether this side belongs to the party that `seen` names.
    pub fn is_named_by(&self, seen: Seen) -> bool {
        match seen {
            Seen::Known { key, party } => key == self.key || (party.is_some() && party == self.party),
            Seen::Withheld | Seen::Unknown => false,
        }
    }
}
