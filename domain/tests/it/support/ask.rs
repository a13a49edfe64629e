//! What people ask for, in words.

use paravox_domain::call::{
    Attempt, NetworkReference, Other, ReferenceKind, Report as DomainReport, Reporter, Role, Stage,
};
use paravox_domain::command::{Actor, Ask};
use paravox_domain::id::{ConnectionId, Id, SessionId};
use paravox_domain::time::Instant;

use super::Person;

/// Who asks for what.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) actor: Actor,
    pub(crate) ask: Ask,
}

/// Anybody asks for anything.
pub(crate) fn asked(actor: Actor, ask: Ask) -> Asked {
    Asked { actor, ask }
}

impl Asked {
    /// Time has passed.
    pub(crate) fn tick() -> Self {
        asked(Actor::Server, Ask::Tick)
    }
}

/// A notification that is being put together.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) actor: Actor,
    pub(crate) report: DomainReport,
}

impl From<Report> for Asked {
    fn from(report: Report) -> Self {
        asked(report.actor, Ask::Notify(Box::new(report.report)))
    }
}

impl Person {
    /// This person's device, as an edge has authenticated it.
    pub(crate) fn actor(&self) -> Actor {
        Actor::Device { device: self.device, party: self.party }
    }

    /// This device asks for something.
    pub(crate) fn asks(&self, ask: Ask) -> Asked {
        asked(self.actor(), ask)
    }

    fn report(&self, other: Other, role: Role, stage: Stage) -> Report {
        let report = DomainReport {
            on_behalf_of: self.number.clone(),
            key: self.key,
            party: None,
            other,
            role,
            stage,
            references: Vec::new(),
            attempt: None,
            happened: None,
            reporter: Reporter::Device(self.device),
            devices: Vec::new(),
        };
        Report { actor: self.actor(), report }
    }

    /// Somebody as the other end of a call.
    fn as_other(&self) -> Other {
        Other::Known { identity: self.number.clone(), key: self.key, party: None }
    }

    /// "I am calling …": the attempt.
    pub(crate) fn calls(&self, other: &Self) -> Report {
        self.report(other.as_other(), Role::Calling, Stage::Attempt)
    }

    /// "… is calling me": my telephone rings.
    pub(crate) fn is_called_by(&self, other: &Self) -> Report {
        self.report(other.as_other(), Role::Called, Stage::Alerting)
    }

    /// "Somebody is calling me who withholds their number."
    pub(crate) fn is_called_by_somebody(&self) -> Report {
        self.report(Other::Withheld, Role::Called, Stage::Alerting)
    }

    /// Opens a connection.
    pub(crate) fn connects(&self, connection: u128) -> Asked {
        self.asks(Ask::Connect { device: self.device, connection: ConnectionId::from_bits(connection) })
    }

    /// Loses a connection.
    pub(crate) fn disconnects(&self, connection: u128) -> Asked {
        self.asks(Ask::Disconnect { device: self.device, connection: ConnectionId::from_bits(connection) })
    }

    /// Sends a text message.
    pub(crate) fn says(&self, session: SessionId, text: &str) -> Asked {
        self.asks(Ask::SendText { session, text: text.to_owned() })
    }

    /// Takes a place in a session.
    pub(crate) fn joins(&self, session: SessionId) -> Asked {
        self.asks(Ask::JoinSession { session })
    }

    /// Chooses whether the session outlives the call.
    pub(crate) fn keeps(&self, session: SessionId, keep: bool) -> Asked {
        self.asks(Ask::KeepSession { session, keep })
    }

    /// Leaves a session.
    pub(crate) fn leaves(&self, session: SessionId) -> Asked {
        self.asks(Ask::LeaveSession { session })
    }
}

impl Report {
    /// At another stage.
    pub(crate) fn at(mut self, stage: Stage) -> Self {
        self.report.stage = stage;
        self
    }

    /// The call was answered.
    pub(crate) fn answered(self) -> Self {
        self.at(Stage::Answered)
    }

    /// The call has ended.
    pub(crate) fn ended(self) -> Self {
        self.at(Stage::Ended)
    }

    /// Under the reporter's own word for this attempt.
    pub(crate) fn attempt(mut self, name: &str) -> Self {
        self.report.attempt = Some(Attempt::parse(name).unwrap());
        self
    }

    /// By the reporter's clock.
    pub(crate) fn happened(mut self, at: Instant) -> Self {
        self.report.happened = Some(at);
        self
    }

    /// With a reference that the network gave.
    pub(crate) fn reference(mut self, value: &str) -> Self {
        self.report.references.push(NetworkReference {
            kind: ReferenceKind::SipCallId,
            issuer: "pbx.example.org".to_owned(),
            value: value.to_owned(),
        });
        self
    }

    /// Without knowing which end it is.
    pub(crate) fn without_role(mut self) -> Self {
        self.report.role = Role::Unknown;
        self
    }

    /// Reported by a service instead of a device.
    pub(crate) fn by_service(mut self, name: &str) -> Self {
        self.actor = Actor::Service { name: name.to_owned() };
        self.report.reporter = Reporter::Service(name.to_owned());
        self
    }

    /// Reported by another person's device.
    pub(crate) fn by(mut self, person: &Person) -> Self {
        self.actor = person.actor();
        self
    }
}
