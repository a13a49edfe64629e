//! The form of a command that crosses the bus, from an edge to the writer.

use serde::{Deserialize, Serialize};

use super::call::ReportV1;
use crate::command::{Actor, Ask, Command};
use crate::digest::Digest;
use crate::id::{CommandId, ConnectionId, DeviceId, PartyId, RegistrationId, RequestId, SessionId};
use crate::identity::Identity;
use crate::registration::NewDevice;
use crate::time::Instant;

/// A [`Command`] as JSON. The instant is left out: the writer stamps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredCommand<'a> {
    id: CommandId,
    repeatable: bool,
    fingerprint: u64,
    request: RequestId,
    /// As text: JSON numbers do not reach 128 bits everywhere.
    seed: String,
    actor: StoredActor,
    #[serde(borrow)]
    ask: StoredAsk<'a>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredActor {
    Anyone,
    Device { device: DeviceId, party: PartyId },
    Service { name: String },
    Server,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredAsk<'a> {
    StartRegistration {
        registration: RegistrationId,
        identity: Identity,
        device: NewDevice,
        code: Digest,
    },
    ProveRegistration {
        registration: RegistrationId,
        code: Digest,
    },
    RotateCredential {
        device: DeviceId,
        generation: u32,
    },
    RevokeDevice {
        device: DeviceId,
    },
    Connect {
        device: DeviceId,
        connection: ConnectionId,
    },
    Disconnect {
        device: DeviceId,
        connection: ConnectionId,
    },
    #[serde(borrow)]
    Notify(Box<ReportV1<'a>>),
    SendText {
        session: SessionId,
        text: String,
    },
    JoinSession {
        session: SessionId,
    },
    KeepSession {
        session: SessionId,
        keep: bool,
    },
    LeaveSession {
        session: SessionId,
    },
    Tick,
}

impl<'a> StoredCommand<'a> {
    /// The twin of a command.
    pub fn of(command: &'a Command) -> Self {
        Self {
            id: command.id,
            repeatable: command.repeatable,
            fingerprint: command.fingerprint,
            request: command.request,
            seed: format!("{:032x}", command.seed),
            actor: match &command.actor {
                Actor::Anyone => StoredActor::Anyone,
                Actor::Device { device, party } => StoredActor::Device { device: *device, party: *party },
                Actor::Service { name } => StoredActor::Service { name: name.clone() },
                Actor::Server => StoredActor::Server,
            },
            ask: StoredAsk::of(&command.ask),
        }
    }

    /// The command. Its instant is [`Instant::MIN`] until the writer stamps it.
    pub fn lift(self) -> Result<Command, serde_json::Error> {
        Ok(Command {
            id: self.id,
            repeatable: self.repeatable,
            fingerprint: self.fingerprint,
            at: Instant::MIN,
            request: self.request,
            seed: u128::from_str_radix(&self.seed, 16).map_err(serde::de::Error::custom)?,
            actor: match self.actor {
                StoredActor::Anyone => Actor::Anyone,
                StoredActor::Device { device, party } => Actor::Device { device, party },
                StoredActor::Service { name } => Actor::Service { name },
                StoredActor::Server => Actor::Server,
            },
            ask: self.ask.lift(),
        })
    }
}

impl<'a> StoredAsk<'a> {
    fn of(ask: &'a Ask) -> Self {
        match ask {
            Ask::StartRegistration { registration, identity, device, code } => Self::StartRegistration {
                registration: *registration,
                identity: identity.clone(),
                device: device.clone(),
                code: *code,
            },
            Ask::ProveRegistration { registration, code } => {
                Self::ProveRegistration { registration: *registration, code: *code }
            }
            Ask::RotateCredential { device, generation } => {
                Self::RotateCredential { device: *device, generation: *generation }
            }
            Ask::RevokeDevice { device } => Self::RevokeDevice { device: *device },
            Ask::Connect { device, connection } => Self::Connect { device: *device, connection: *connection },
            Ask::Disconnect { device, connection } => {
                Self::Disconnect { device: *device, connection: *connection }
            }
            Ask::Notify(report) => Self::Notify(Box::new(ReportV1::of(report))),
            Ask::SendText { session, text } => Self::SendText { session: *session, text: text.clone() },
            Ask::JoinSession { session } => Self::JoinSession { session: *session },
            Ask::KeepSession { session, keep } => Self::KeepSession { session: *session, keep: *keep },
            Ask::LeaveSession { session } => Self::LeaveSession { session: *session },
            Ask::Tick => Self::Tick,
        }
    }

    fn lift(self) -> Ask {
        match self {
            Self::StartRegistration { registration, identity, device, code } => {
                Ask::StartRegistration { registration, identity, device, code }
            }
            Self::ProveRegistration { registration, code } => Ask::ProveRegistration { registration, code },
            Self::RotateCredential { device, generation } => Ask::RotateCredential { device, generation },
            Self::RevokeDevice { device } => Ask::RevokeDevice { device },
            Self::Connect { device, connection } => Ask::Connect { device, connection },
            Self::Disconnect { device, connection } => Ask::Disconnect { device, connection },
            Self::Notify(report) => Ask::Notify(Box::new(report.lift())),
            Self::SendText { session, text } => Ask::SendText { session, text },
            Self::JoinSession { session } => Ask::JoinSession { session },
            Self::KeepSession { session, keep } => Ask::KeepSession { session, keep },
            Self::LeaveSession { session } => Ask::LeaveSession { session },
            Self::Tick => Ask::Tick,
        }
    }
}
