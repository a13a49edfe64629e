//! Random events and answers of every kind, for the stored form.

use paravox_domain::answer::{Answer, Noted};
use paravox_domain::call::{
    Attempt, Event as CallEvent, JoinedBy, NetworkReference, Other, OverCause, ReferenceKind, Report,
    Reporter, Role, Side, SideIndex, Stage,
};
use paravox_domain::commit::{Recorded, Version};
use paravox_domain::digest::Digest;
use paravox_domain::entity::EntityId;
use paravox_domain::event::Event;
use paravox_domain::id::{DeviceId, Id};
use paravox_domain::identity::{Identity, LookupKey};
use paravox_domain::matching::{Contradiction, Evidence, Rule, Waiting};
use paravox_domain::registration::{
    DeviceEvent, DeviceKind, DeviceName, Event as RegistrationEvent, IdentityEvent, NewDevice, PartyEvent,
    PresenceEvent, Proven, RevocationCause,
};
use paravox_domain::session::{CloseCause, Event as SessionEvent, LeaveCause, OpeningLeg};
use paravox_domain::time::Instant;

use crate::worlds::chance::Chance;

/// How many kinds of event there are.
pub(crate) const KINDS: usize = 28;

/// How many kinds of answer there are.
pub(crate) const ANSWERS: usize = 11;

impl Chance {
    fn id<I: Id>(&mut self) -> I {
        I::from_bits((u128::from(self.next()) << 64) | u128::from(self.next()))
    }

    fn key(&mut self) -> LookupKey {
        LookupKey((u128::from(self.next()) << 64) | u128::from(self.next()))
    }

    fn instant(&mut self) -> Instant {
        Instant(self.next() as i64)
    }

    fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.per_mille(500).then(|| value(self))
    }

    fn some<T>(&mut self, most: i64, mut value: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.between(0, most)).map(|_| value(self)).collect()
    }

    fn text(&mut self) -> String {
        let pieces = ["a", "\"", "\\", "\n", "\u{0}", "é", "🜚", "\u{202e}", "</script>", " ", "{}"];
        (0..self.between(1, 12)).map(|_| *self.pick(&pieces)).collect()
    }

    fn devices(&mut self) -> Vec<DeviceId> {
        self.some(3, Self::id)
    }

    fn identity(&mut self) -> Identity {
        match self.between(0, 4) {
            0 => Identity::parse(&format!("+44{}", self.between(100_000_000, 999_999_999))),
            1 => Identity::parse(&format!("sip:u{}~'@host.example.org:5061", self.next())),
            2 => Identity::parse(&format!("u{}+tag@example.org", self.between(0, 999))),
            3 => Identity::parse(&format!("user:u{}", self.between(0, 999))),
            _ => Ok(Identity::Party(self.id())),
        }
        .unwrap()
    }

    fn new_device(&mut self) -> NewDevice {
        let name = *self.pick(&["x", "Ömer's \"phone\"", "日本語", "🜚\\"]);
        let kind = *self.pick(&[DeviceKind::Phone, DeviceKind::Computer, DeviceKind::Other]);
        NewDevice { name: DeviceName::parse(name).unwrap(), kind }
    }

    fn report(&mut self) -> Report {
        Report {
            on_behalf_of: self.identity(),
            key: self.key(),
            party: self.maybe(Self::id),
            other: match self.between(0, 2) {
                0 => Other::Withheld,
                1 => Other::Unknown,
                _ => Other::Known { identity: self.identity(), key: self.key(), party: self.maybe(Self::id) },
            },
            role: *self.pick(&[Role::Calling, Role::Called, Role::Unknown]),
            stage: self.stage(),
            references: self.some(4, |chance| NetworkReference {
                kind: *chance.pick(&[
                    ReferenceKind::CapCallReference,
                    ReferenceKind::SipCallId,
                    ReferenceKind::Icid,
                    ReferenceKind::Conference,
                ]),
                issuer: chance.text(),
                value: chance.text(),
            }),
            attempt: self.maybe(|chance| Attempt::parse(&format!("a{}\"\\", chance.next())).unwrap()),
            happened: self.maybe(Self::instant),
            reporter: match self.between(0, 1) {
                0 => Reporter::Device(self.id()),
                _ => Reporter::Service(self.text()),
            },
            devices: self.devices(),
        }
    }

    fn stage(&mut self) -> Stage {
        *self.pick(&[
            Stage::Attempt,
            Stage::Alerting,
            Stage::Diverted,
            Stage::Answered,
            Stage::NotAnswered,
            Stage::Busy,
            Stage::Ended,
        ])
    }

    fn side(&mut self) -> Box<Side> {
        let (report, at) = (self.report(), self.instant());
        let mut side = Side::of(&report, at);
        for _ in 0..self.between(0, 3) {
            side.add(&self.report(), at);
        }
        Box::new(side)
    }

    fn over(&mut self) -> OverCause {
        *self.pick(&[
            OverCause::HungUp,
            OverCause::NotAnswered,
            OverCause::Busy,
            OverCause::NoPartner,
            OverCause::GivenUp,
            OverCause::Absorbed,
            OverCause::Contradicted,
        ])
    }

    fn index(&mut self) -> SideIndex {
        *self.pick(&[SideIndex::First, SideIndex::Second])
    }

    fn contradiction(&mut self) -> Contradiction {
        *self.pick(&[
            Contradiction::SameRole,
            Contradiction::NamesSomebodyElse,
            Contradiction::ReferencesDiffer,
            Contradiction::StagesDiffer,
            Contradiction::OverBefore,
            Contradiction::OutsideWindow,
            Contradiction::SameParty,
            Contradiction::SideTaken,
        ])
    }

    fn waiting(&mut self) -> Waiting {
        match self.between(0, 2) {
            0 => Waiting::NoPartner,
            1 => Waiting::Ambiguous { candidates: self.some(3, Self::id) },
            _ => Waiting::NeedsCorroboration { candidates: self.some(3, Self::id) },
        }
    }

    fn evidence(&mut self) -> Evidence {
        *self.pick(&[
            Evidence::SameReference,
            Evidence::FirstNamesSecond,
            Evidence::SecondNamesFirst,
            Evidence::OppositeRoles,
        ])
    }

    fn leg(&mut self) -> OpeningLeg {
        OpeningLeg { leg: self.id(), party: self.id(), devices: self.devices(), joined: self.per_mille(500) }
    }

    fn leave_cause(&mut self) -> LeaveCause {
        *self.pick(&[LeaveCause::Asked, LeaveCause::Lost])
    }

    fn close_cause(&mut self) -> CloseCause {
        *self.pick(&[
            CloseCause::CallEnded,
            CloseCause::LegsLeft,
            CloseCause::OutlivedLongest,
            CloseCause::Contradicted,
        ])
    }

    /// An event of this kind in its place.
    pub(crate) fn recorded(&mut self, kind: usize) -> Recorded {
        let (entity, event) = self.event(kind);
        Recorded {
            entity,
            version: Version(self.next()),
            at: self.instant(),
            cause: self.maybe(|chance| chance.next() as u32),
            correlation: self.maybe(Self::id),
            event,
        }
    }

    fn event(&mut self, kind: usize) -> (EntityId, Event) {
        match kind {
            0..3 => (EntityId::Registration(self.id()), self.registration(kind).into()),
            3 => (EntityId::Identity(self.key()), IdentityEvent::Claimed { party: self.id() }.into()),
            4 => {
                let (key, identity) = (self.key(), self.identity());
                (EntityId::Party(self.id()), PartyEvent::IdentityAdded { key, identity }.into())
            }
            5 => (EntityId::Party(self.id()), PartyEvent::DeviceAdded { device: self.id() }.into()),
            6 => (EntityId::Party(self.id()), PartyEvent::DeviceRemoved { device: self.id() }.into()),
            7 => {
                let (party, NewDevice { name, kind }) = (self.id(), self.new_device());
                (EntityId::Device(self.id()), DeviceEvent::Enrolled { party, name, kind }.into())
            }
            8 => {
                let generation = self.next() as u32;
                (EntityId::Device(self.id()), DeviceEvent::CredentialRotated { generation }.into())
            }
            9 => {
                let cause = *self.pick(&[RevocationCause::Asked, RevocationCause::CredentialReused]);
                (EntityId::Device(self.id()), DeviceEvent::Revoked { cause, told: self.devices() }.into())
            }
            10 => (EntityId::Presence(self.id()), PresenceEvent::Connected { connection: self.id() }.into()),
            11 => {
                (EntityId::Presence(self.id()), PresenceEvent::Disconnected { connection: self.id() }.into())
            }
            12..19 => (EntityId::Call(self.id()), self.call(kind).into()),
            _ => (EntityId::Session(self.id()), self.session(kind).into()),
        }
    }

    fn registration(&mut self, kind: usize) -> RegistrationEvent {
        match kind {
            0 => RegistrationEvent::Started {
                identity: self.identity(),
                key: self.key(),
                device: self.new_device(),
                claimant: self.maybe(Self::id),
                code: Digest::of(&self.next().to_be_bytes()),
                expires: self.instant(),
            },
            1 => RegistrationEvent::CodeRefused { refused: self.next() as u32 },
            _ => RegistrationEvent::Proven(Proven { party: self.id(), device: self.maybe(Self::id) }),
        }
    }

    fn call(&mut self, kind: usize) -> CallEvent {
        match kind {
            12 => CallEvent::Opened {
                report: Box::new(self.report()),
                until: self.instant(),
                waiting: self.waiting(),
            },
            13 => CallEvent::Reported { side: self.index(), report: Box::new(self.report()) },
            14 => CallEvent::Waits { waiting: self.waiting(), until: self.instant() },
            15 => CallEvent::Joined {
                by: match self.between(0, 1) {
                    0 => JoinedBy::Report(Box::new(self.report())),
                    _ => JoinedBy::Absorbing { call: self.id(), side: self.side() },
                },
                rule: *self.pick(&[Rule::SameReference, Rule::EachNamesTheOther]),
                evidence: self.some(4, Self::evidence),
                until: self.instant(),
                session: self.maybe(Self::id),
            },
            16 => CallEvent::Absorbed { into: self.id() },
            17 => CallEvent::Ended {
                cause: self.over(),
                side: self.maybe(Self::index),
                closing_until: self.instant(),
                told: self.devices(),
            },
            _ => CallEvent::Parted {
                contradiction: self.contradiction(),
                closing_until: self.instant(),
                told: self.devices(),
            },
        }
    }

    fn session(&mut self, kind: usize) -> SessionEvent {
        let (leg, device, until) = (self.id(), self.id(), self.instant());
        let told = self.devices();
        match kind {
            19 => SessionEvent::Opened { call: self.id(), legs: self.some(3, Self::leg), told },
            20 => SessionEvent::DeviceJoined { leg, device, told },
            21 => SessionEvent::LegLost { leg, device, until, told },
            22 => SessionEvent::LegResumed { leg, device, told },
            23 => SessionEvent::LegLeft { leg, cause: self.leave_cause(), told },
            24 => SessionEvent::Kept { leg, keep: self.per_mille(500), told },
            25 => SessionEvent::OutlivesCall { until, told },
            26 => {
                let (message, number, text) = (self.id(), self.next(), self.text());
                SessionEvent::TextSent { message, number, leg, device, text, told }
            }
            _ => SessionEvent::Closed { cause: self.close_cause(), told },
        }
    }

    /// An answer of this kind.
    pub(crate) fn answer(&mut self, kind: usize) -> Answer {
        match kind {
            0 => Answer::Done,
            1 => Answer::RegistrationStarted { registration: self.id(), expires: self.instant() },
            2 => Answer::Proven { party: self.id(), device: self.maybe(Self::id) },
            3 => Answer::CodeWrong { tries_left: self.next() as u32 },
            4 => {
                let (device, party) = (self.id(), self.id());
                Answer::CredentialRotated { device, party, generation: self.next() as u32 }
            }
            5 => Answer::CredentialReused,
            6 => Answer::Noted { call: self.id(), outcome: Noted::Waiting(self.waiting()) },
            7 | 8 => {
                let session = self.maybe(Self::id);
                Answer::Noted { call: self.id(), outcome: Noted::Joined { session } }
            }
            9 => Answer::Noted { call: self.id(), outcome: Noted::Over },
            _ => Answer::MessageSent { message: self.id(), number: self.next() },
        }
    }
}
