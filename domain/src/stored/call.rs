//! Stored twins of the events of calls.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::StoredEvent;
use super::registration::twin;
use crate::call::{
    Attempt, Event, JoinedBy, NetworkReference, Other, OverCause, Report, Reporter, Role, Seen, Side,
    SideIndex, Stage, Witness,
};
use crate::id::{CallId, DeviceId, PartyId, SessionId};
use crate::identity::{Identity, LookupKey};
use crate::matching::{Contradiction, Evidence, Rule, Waiting};
use crate::time::Instant;

twin!(
    /// The other end, as a report names it.
    pub(super) KnownV1<'a> {
        identity: Cow<'a, Identity>,
        key: LookupKey,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        party: Option<PartyId>,
    }
);

/// The other end of a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OtherV1<'a> {
    /// By an identity.
    Known(KnownV1<'a>),
    /// Withheld.
    Withheld,
    /// Not known.
    Unknown,
}

twin!(
    /// A report.
    pub(super) ReportV1<'a> {
        on_behalf_of: Cow<'a, Identity>,
        key: LookupKey,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        party: Option<PartyId>,
        other: OtherV1<'a>,
        role: Role,
        stage: Stage,
        #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
        references: Cow<'a, [NetworkReference]>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt: Option<Cow<'a, Attempt>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        happened: Option<Instant>,
        reporter: Cow<'a, Reporter>,
        #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
        devices: Cow<'a, [DeviceId]>,
    }
);

impl<'a> ReportV1<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        Self {
            on_behalf_of: Cow::Borrowed(&report.on_behalf_of),
            key: report.key,
            party: report.party,
            other: match &report.other {
                Other::Known { identity, key, party } => {
                    OtherV1::Known(KnownV1 { identity: Cow::Borrowed(identity), key: *key, party: *party })
                }
                Other::Withheld => OtherV1::Withheld,
                Other::Unknown => OtherV1::Unknown,
            },
            role: report.role,
            stage: report.stage,
            references: Cow::Borrowed(&report.references),
            attempt: report.attempt.as_ref().map(Cow::Borrowed),
            happened: report.happened,
            reporter: Cow::Borrowed(&report.reporter),
            devices: Cow::Borrowed(&report.devices),
        }
    }

    pub(super) fn lift(self) -> Report {
        Report {
            on_behalf_of: self.on_behalf_of.into_owned(),
            key: self.key,
            party: self.party,
            other: match self.other {
                OtherV1::Known(KnownV1 { identity, key, party }) => {
                    Other::Known { identity: identity.into_owned(), key, party }
                }
                OtherV1::Withheld => Other::Withheld,
                OtherV1::Unknown => Other::Unknown,
            },
            role: self.role,
            stage: self.stage,
            references: self.references.into_owned(),
            attempt: self.attempt.map(Cow::into_owned),
            happened: self.happened,
            reporter: self.reporter.into_owned(),
            devices: self.devices.into_owned(),
        }
    }
}

/// The other end, as a side sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SeenV1 {
    /// By this key.
    Known {
        /// The key.
        key: LookupKey,
        /// The party to which the directory maps it.
        party: Option<PartyId>,
        /// Whether it is a telephone number.
        by_number: bool,
    },
    /// Withheld.
    Withheld,
    /// Not known.
    Unknown,
}

twin!(
    /// A side, as it was known to a call that was absorbed.
    pub(super) SideV1 {
        party: Option<PartyId>,
        key: LookupKey,
        by_number: bool,
        other: SeenV1,
        role: Role,
        stage: Stage,
        references: Vec<NetworkReference>,
        witnesses: Vec<Witness>,
        devices: Vec<DeviceId>,
        first: Instant,
        last: Instant,
    }
);

impl SideV1 {
    fn of(side: &Side) -> Self {
        let Side { party, key, by_number, other, role, stage, references, witnesses, devices, first, last } =
            side.clone();
        let other = match other {
            Seen::Known { key, party, by_number } => SeenV1::Known { key, party, by_number },
            Seen::Withheld => SeenV1::Withheld,
            Seen::Unknown => SeenV1::Unknown,
        };
        Self { party, key, by_number, other, role, stage, references, witnesses, devices, first, last }
    }

    fn lift(self) -> Side {
        let Self { party, key, by_number, other, role, stage, references, witnesses, devices, first, last } =
            self;
        let other = match other {
            SeenV1::Known { key, party, by_number } => Seen::Known { key, party, by_number },
            SeenV1::Withheld => Seen::Withheld,
            SeenV1::Unknown => Seen::Unknown,
        };
        Side { party, key, by_number, other, role, stage, references, witnesses, devices, first, last }
    }
}

/// How the other side was found.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum JoinedByV1<'a> {
    /// By a report.
    Report(Box<ReportV1<'a>>),
    /// It was a call of its own, which is absorbed.
    Absorbing {
        /// That call.
        call: CallId,
        /// The side.
        side: Box<SideV1>,
    },
}

twin!(
    /// `call.opened.v1`
    pub OpenedV1<'a> { report: ReportV1<'a>, until: Instant, waiting: Cow<'a, Waiting> }
);
twin!(
    /// `call.reported.v1`
    pub ReportedV1<'a> { side: SideIndex, report: ReportV1<'a> }
);
twin!(
    /// `call.waits.v1`
    pub WaitsV1<'a> { waiting: Cow<'a, Waiting>, until: Instant }
);
twin!(
    /// `call.joined.v1`
    pub JoinedV1<'a> {
        by: JoinedByV1<'a>,
        rule: Rule,
        evidence: Cow<'a, [Evidence]>,
        until: Instant,
        session: Option<SessionId>,
    }
);
twin!(
    /// `call.absorbed.v1`
    pub AbsorbedV1 { into: CallId }
);
twin!(
    /// `call.ended.v1`
    pub EndedV1<'a> {
        cause: OverCause,
        side: Option<SideIndex>,
        closing_until: Instant,
        told: Cow<'a, [DeviceId]>,
    }
);
twin!(
    /// `call.parted.v1`
    pub PartedV1<'a> { contradiction: Contradiction, closing_until: Instant, told: Cow<'a, [DeviceId]> }
);

pub(super) fn of(event: &Event) -> StoredEvent<'_> {
    match event {
        Event::Opened { report, until, waiting } => StoredEvent::CallOpenedV1(OpenedV1 {
            report: ReportV1::of(report),
            until: *until,
            waiting: Cow::Borrowed(waiting),
        }),
        Event::Reported { side, report } => {
            StoredEvent::CallReportedV1(ReportedV1 { side: *side, report: ReportV1::of(report) })
        }
        Event::Waits { waiting, until } => {
            StoredEvent::CallWaitsV1(WaitsV1 { waiting: Cow::Borrowed(waiting), until: *until })
        }
        Event::Joined { by, rule, evidence, until, session } => StoredEvent::CallJoinedV1(JoinedV1 {
            by: match by {
                JoinedBy::Report(report) => JoinedByV1::Report(Box::new(ReportV1::of(report))),
                JoinedBy::Absorbing { call, side } => {
                    JoinedByV1::Absorbing { call: *call, side: Box::new(SideV1::of(side)) }
                }
            },
            rule: *rule,
            evidence: Cow::Borrowed(evidence),
            until: *until,
            session: *session,
        }),
        Event::Absorbed { into } => StoredEvent::CallAbsorbedV1(AbsorbedV1 { into: *into }),
        Event::Ended { cause, side, closing_until, told } => StoredEvent::CallEndedV1(EndedV1 {
            cause: *cause,
            side: *side,
            closing_until: *closing_until,
            told: Cow::Borrowed(told),
        }),
        Event::Parted { contradiction, closing_until, told } => StoredEvent::CallPartedV1(PartedV1 {
            contradiction: *contradiction,
            closing_until: *closing_until,
            told: Cow::Borrowed(told),
        }),
    }
}

impl OpenedV1<'_> {
    pub(super) fn lift(self) -> Event {
        Event::Opened {
            report: Box::new(self.report.lift()),
            until: self.until,
            waiting: self.waiting.into_owned(),
        }
    }
}

impl ReportedV1<'_> {
    pub(super) fn lift(self) -> Event {
        Event::Reported { side: self.side, report: Box::new(self.report.lift()) }
    }
}

impl WaitsV1<'_> {
    pub(super) fn lift(self) -> Event {
        Event::Waits { waiting: self.waiting.into_owned(), until: self.until }
    }
}

impl JoinedV1<'_> {
    pub(super) fn lift(self) -> Event {
        Event::Joined {
            by: match self.by {
                JoinedByV1::Report(report) => JoinedBy::Report(Box::new(report.lift())),
                JoinedByV1::Absorbing { call, side } => {
                    JoinedBy::Absorbing { call, side: Box::new(side.lift()) }
                }
            },
            rule: self.rule,
            evidence: self.evidence.into_owned(),
            until: self.until,
            session: self.session,
        }
    }
}

impl AbsorbedV1 {
    pub(super) fn lift(self) -> Event {
        Event::Absorbed { into: self.into }
    }
}

impl EndedV1<'_> {
    pub(super) fn lift(self) -> Event {
        Event::Ended {
            cause: self.cause,
            side: self.side,
            closing_until: self.closing_until,
            told: self.told.into_owned(),
        }
    }
}

impl PartedV1<'_> {
    pub(super) fn lift(self) -> Event {
        Event::Parted {
            contradiction: self.contradiction,
            closing_until: self.closing_until,
            told: self.told.into_owned(),
        }
    }
}
