//! The stored form: what stands in journals and archives, apart from the domain's own types.
//!
//! Every event has a twin here with a name and a version (`call.opened.v1`). A twin, once written, stays readable for
//! ever; a changed event gets a new version, and one function lifts every version to today's event. Words (roles,
//! stages, causes), ids and identities have one text each, which they carry themselves.
//!
//! Owns: the names and shapes of stored events, answers, and the envelope around them.
//! Does not own: the frame of a commit (`commit::frame`).
//! Invariant: golden files of every version are kept and read by the tests.

mod answer;
mod call;
mod command;
mod registration;
mod session;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use self::answer::{StoredAnswer, StoredOutcome, StoredRejection};
pub use self::command::StoredCommand;
use crate::commit::{Recorded, Settled, Version};
use crate::entity::EntityId;
use crate::event::Event;
use crate::id::{CallId, CommandId, RequestId};
use crate::time::Instant;

/// The stored form of an event.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
#[expect(missing_docs, reason = "each twin has the meaning of the event of its name")]
pub enum StoredEvent<'a> {
    #[serde(rename = "registration.started.v1")]
    RegistrationStartedV1(registration::StartedV1<'a>),
    #[serde(rename = "registration.code_refused.v1")]
    RegistrationCodeRefusedV1(registration::CodeRefusedV1),
    #[serde(rename = "registration.proven.v1")]
    RegistrationProvenV1(registration::ProvenV1),
    #[serde(rename = "identity.claimed.v1")]
    IdentityClaimedV1(registration::IdentityClaimedV1),
    #[serde(rename = "party.identity_added.v1")]
    PartyIdentityAddedV1(registration::IdentityAddedV1<'a>),
    #[serde(rename = "party.device_added.v1")]
    PartyDeviceAddedV1(registration::PartyDeviceV1),
    #[serde(rename = "party.device_removed.v1")]
    PartyDeviceRemovedV1(registration::PartyDeviceV1),
    #[serde(rename = "device.enrolled.v1")]
    DeviceEnrolledV1(registration::EnrolledV1<'a>),
    #[serde(rename = "device.credential_rotated.v1")]
    DeviceCredentialRotatedV1(registration::CredentialRotatedV1),
    #[serde(rename = "device.revoked.v1")]
    DeviceRevokedV1(registration::RevokedV1<'a>),
    #[serde(rename = "presence.connected.v1")]
    PresenceConnectedV1(registration::PresenceV1),
    #[serde(rename = "presence.disconnected.v1")]
    PresenceDisconnectedV1(registration::PresenceV1),
    #[serde(rename = "call.opened.v1")]
    CallOpenedV1(call::OpenedV1<'a>),
    #[serde(rename = "call.reported.v1")]
    CallReportedV1(call::ReportedV1<'a>),
    #[serde(rename = "call.waits.v1")]
    CallWaitsV1(call::WaitsV1<'a>),
    #[serde(rename = "call.joined.v1")]
    CallJoinedV1(call::JoinedV1<'a>),
    #[serde(rename = "call.absorbed.v1")]
    CallAbsorbedV1(call::AbsorbedV1),
    #[serde(rename = "call.ended.v1")]
    CallEndedV1(call::EndedV1<'a>),
    #[serde(rename = "call.parted.v1")]
    CallPartedV1(call::PartedV1<'a>),
    #[serde(rename = "session.opened.v1")]
    SessionOpenedV1(session::OpenedV1<'a>),
    #[serde(rename = "session.device_joined.v1")]
    SessionDeviceJoinedV1(session::DeviceV1<'a>),
    #[serde(rename = "session.leg_lost.v1")]
    SessionLegLostV1(session::LegLostV1<'a>),
    #[serde(rename = "session.leg_resumed.v1")]
    SessionLegResumedV1(session::DeviceV1<'a>),
    #[serde(rename = "session.leg_left.v1")]
    SessionLegLeftV1(session::LegLeftV1<'a>),
    #[serde(rename = "session.kept.v1")]
    SessionKeptV1(session::KeptV1<'a>),
    #[serde(rename = "session.outlives_call.v1")]
    SessionOutlivesCallV1(session::OutlivesCallV1<'a>),
    #[serde(rename = "session.text_sent.v1")]
    SessionTextSentV1(session::TextSentV1<'a>),
    #[serde(rename = "session.closed.v1")]
    SessionClosedV1(session::ClosedV1<'a>),
}

impl<'a> StoredEvent<'a> {
    /// The twin of an event, in the version that is written today.
    pub fn of(event: &'a Event) -> Self {
        match event {
            Event::Registration(event) => registration::of_registration(event),
            Event::Identity(event) => registration::of_identity(event),
            Event::Party(event) => registration::of_party(event),
            Event::Device(event) => registration::of_device(event),
            Event::Presence(event) => registration::of_presence(event),
            Event::Call(event) => call::of(event),
            Event::Session(event) => session::of(event),
        }
    }

    /// Today's event.
    pub fn lift(self) -> Event {
        match self {
            Self::RegistrationStartedV1(twin) => Event::Registration(twin.lift()),
            Self::RegistrationCodeRefusedV1(twin) => Event::Registration(twin.lift()),
            Self::RegistrationProvenV1(twin) => Event::Registration(twin.lift()),
            Self::IdentityClaimedV1(twin) => Event::Identity(twin.lift()),
            Self::PartyIdentityAddedV1(twin) => Event::Party(twin.lift()),
            Self::PartyDeviceAddedV1(twin) => Event::Party(twin.lift_added()),
            Self::PartyDeviceRemovedV1(twin) => Event::Party(twin.lift_removed()),
            Self::DeviceEnrolledV1(twin) => Event::Device(twin.lift()),
            Self::DeviceCredentialRotatedV1(twin) => Event::Device(twin.lift()),
            Self::DeviceRevokedV1(twin) => Event::Device(twin.lift()),
            Self::PresenceConnectedV1(twin) => Event::Presence(twin.lift_connected()),
            Self::PresenceDisconnectedV1(twin) => Event::Presence(twin.lift_disconnected()),
            Self::CallOpenedV1(twin) => Event::Call(twin.lift()),
            Self::CallReportedV1(twin) => Event::Call(twin.lift()),
            Self::CallWaitsV1(twin) => Event::Call(twin.lift()),
            Self::CallJoinedV1(twin) => Event::Call(twin.lift()),
            Self::CallAbsorbedV1(twin) => Event::Call(twin.lift()),
            Self::CallEndedV1(twin) => Event::Call(twin.lift()),
            Self::CallPartedV1(twin) => Event::Call(twin.lift()),
            Self::SessionOpenedV1(twin) => Event::Session(twin.lift()),
            Self::SessionDeviceJoinedV1(twin) => Event::Session(twin.lift_joined()),
            Self::SessionLegLostV1(twin) => Event::Session(twin.lift()),
            Self::SessionLegResumedV1(twin) => Event::Session(twin.lift_resumed()),
            Self::SessionLegLeftV1(twin) => Event::Session(twin.lift()),
            Self::SessionKeptV1(twin) => Event::Session(twin.lift()),
            Self::SessionOutlivesCallV1(twin) => Event::Session(twin.lift()),
            Self::SessionTextSentV1(twin) => Event::Session(twin.lift()),
            Self::SessionClosedV1(twin) => Event::Session(twin.lift()),
        }
    }

    /// The name and version under which it is stored.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::RegistrationStartedV1(_) => "registration.started.v1",
            Self::RegistrationCodeRefusedV1(_) => "registration.code_refused.v1",
            Self::RegistrationProvenV1(_) => "registration.proven.v1",
            Self::IdentityClaimedV1(_) => "identity.claimed.v1",
            Self::PartyIdentityAddedV1(_) => "party.identity_added.v1",
            Self::PartyDeviceAddedV1(_) => "party.device_added.v1",
            Self::PartyDeviceRemovedV1(_) => "party.device_removed.v1",
            Self::DeviceEnrolledV1(_) => "device.enrolled.v1",
            Self::DeviceCredentialRotatedV1(_) => "device.credential_rotated.v1",
            Self::DeviceRevokedV1(_) => "device.revoked.v1",
            Self::PresenceConnectedV1(_) => "presence.connected.v1",
            Self::PresenceDisconnectedV1(_) => "presence.disconnected.v1",
            Self::CallOpenedV1(_) => "call.opened.v1",
            Self::CallReportedV1(_) => "call.reported.v1",
            Self::CallWaitsV1(_) => "call.waits.v1",
            Self::CallJoinedV1(_) => "call.joined.v1",
            Self::CallAbsorbedV1(_) => "call.absorbed.v1",
            Self::CallEndedV1(_) => "call.ended.v1",
            Self::CallPartedV1(_) => "call.parted.v1",
            Self::SessionOpenedV1(_) => "session.opened.v1",
            Self::SessionDeviceJoinedV1(_) => "session.device_joined.v1",
            Self::SessionLegLostV1(_) => "session.leg_lost.v1",
            Self::SessionLegResumedV1(_) => "session.leg_resumed.v1",
            Self::SessionLegLeftV1(_) => "session.leg_left.v1",
            Self::SessionKeptV1(_) => "session.kept.v1",
            Self::SessionOutlivesCallV1(_) => "session.outlives_call.v1",
            Self::SessionTextSentV1(_) => "session.text_sent.v1",
            Self::SessionClosedV1(_) => "session.closed.v1",
        }
    }
}

/// The name and version under which an event is stored today.
pub fn type_name(event: &Event) -> &'static str {
    StoredEvent::of(event).type_name()
}

/// An event as text, for an archive: `{"type":…,"data":…}`.
pub fn event_to_json(event: &Event) -> Result<String, serde_json::Error> {
    serde_json::to_string(&StoredEvent::of(event))
}

/// Reads what [`event_to_json`] wrote, in this version or an earlier one.
pub fn event_from_json(text: &str) -> Result<Event, serde_json::Error> {
    serde_json::from_str::<StoredEvent<'_>>(text).map(StoredEvent::lift)
}

/// An event with its envelope.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredRecorded<'a> {
    stream: EntityId,
    version: Version,
    at: Instant,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cause: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    correlation: Option<CallId>,
    #[serde(borrow)]
    event: StoredEvent<'a>,
}

impl<'a> StoredRecorded<'a> {
    pub(crate) fn of(recorded: &'a Recorded) -> Self {
        Self {
            stream: recorded.entity,
            version: recorded.version,
            at: recorded.at,
            cause: recorded.cause,
            correlation: recorded.correlation,
            event: StoredEvent::of(&recorded.event),
        }
    }

    fn lift(self) -> Result<Recorded, serde_json::Error> {
        let event = self.event.lift();
        if !fits(self.stream, &event) {
            return Err(serde::de::Error::custom("an event stands in a stream of another category"));
        }
        Ok(Recorded {
            entity: self.stream,
            version: self.version,
            at: self.at,
            cause: self.cause,
            correlation: self.correlation,
            event,
        })
    }
}

/// Whether an event can stand in a stream.
pub fn fits(stream: EntityId, event: &Event) -> bool {
    matches!(
        (stream, event),
        (EntityId::Registration(_), Event::Registration(_))
            | (EntityId::Identity(_), Event::Identity(_))
            | (EntityId::Party(_), Event::Party(_))
            | (EntityId::Device(_), Event::Device(_))
            | (EntityId::Presence(_), Event::Presence(_))
            | (EntityId::Call(_), Event::Call(_))
            | (EntityId::Session(_), Event::Session(_))
    )
}

/// A settled command.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredSettled<'a> {
    command: CommandId,
    #[serde(default, skip_serializing_if = "is_false")]
    repeatable: bool,
    fingerprint: u64,
    request: RequestId,
    answer: Cow<'a, StoredAnswer>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl StoredSettled<'_> {
    pub(crate) fn of(settled: &Settled) -> Self {
        Self {
            command: settled.command,
            repeatable: settled.repeatable,
            fingerprint: settled.fingerprint,
            request: settled.request,
            answer: Cow::Owned(StoredAnswer::of(&settled.answer)),
        }
    }

    fn lift(self) -> Settled {
        Settled {
            command: self.command,
            repeatable: self.repeatable,
            fingerprint: self.fingerprint,
            request: self.request,
            answer: self.answer.into_owned().lift(),
        }
    }
}

/// An answer as text, for an archive.
pub fn answer_to_json(answer: &crate::answer::Answer) -> Result<String, serde_json::Error> {
    serde_json::to_string(&StoredAnswer::of(answer))
}

/// Reads what [`answer_to_json`] wrote.
pub fn answer_from_json(text: &str) -> Result<crate::answer::Answer, serde_json::Error> {
    serde_json::from_str::<StoredAnswer>(text).map(StoredAnswer::lift)
}

/// The body of a commit.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredBody<'a> {
    #[serde(borrow)]
    settles: Vec<StoredSettled<'a>>,
    #[serde(borrow)]
    events: Vec<StoredRecorded<'a>>,
}

impl StoredBody<'_> {
    pub(crate) fn lift(self) -> Result<(Vec<Settled>, Vec<Recorded>), serde_json::Error> {
        let settles = self.settles.into_iter().map(StoredSettled::lift).collect();
        let events = self.events.into_iter().map(StoredRecorded::lift).collect::<Result<_, _>>()?;
        Ok((settles, events))
    }
}
