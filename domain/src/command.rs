//! Commands: what somebody asks for, with everything that a decision needs.
//!
//! Owns: who asks, when, with which fresh ids, and for what.
//! Does not own: authentication. An actor is somebody whom an edge has already authenticated; the domain checks what that
//! actor may do.

use crate::call::Report;
use crate::digest::Digest;
use crate::id::{CommandId, ConnectionId, DeviceId, Fresh, PartyId, RegistrationId, RequestId, SessionId};
use crate::identity::Identity;
use crate::registration::NewDevice;
use crate::time::Instant;

/// A request with its circumstances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// What settles once: a repeat with the same id gets the first answer.
    pub id: CommandId,
    /// Whether its sender may repeat it (it chose the id, by an idempotency key). Only then is the id remembered.
    pub repeatable: bool,
    /// A digest of what is asked, to tell a repeat from another request under the same id.
    pub fingerprint: u64,
    /// When the writer admitted it. What the edge puts here is replaced.
    pub at: Instant,
    /// The request at the edge, for tracing.
    pub request: RequestId,
    /// Randomness from the edge, for fresh ids.
    pub seed: u128,
    /// Who asks.
    pub actor: Actor,
    /// What is asked.
    pub ask: Ask,
}

impl Command {
    /// The fresh ids of this command.
    pub fn fresh(&self) -> Fresh {
        Fresh::new(self.seed, self.at)
    }
}

/// Who asks, as an edge has authenticated them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Nobody in particular: registration begins so.
    Anyone,
    /// A device, by its credential.
    Device {
        /// The device.
        device: DeviceId,
        /// Its party.
        party: PartyId,
    },
    /// An automated system, by its service key. The edge has checked that it may speak for the identities that it names.
    Service {
        /// Its name in the configuration.
        name: String,
    },
    /// The server itself.
    Server,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Claim an identity for a device, or, as a device that is already in, a further identity for its party.
    StartRegistration {
        /// The registration's id, from the edge, because the code is derived from it.
        registration: RegistrationId,
        /// The identity.
        identity: Identity,
        /// The device.
        device: NewDevice,
        /// A keyed digest of the one-time code.
        code: Digest,
    },
    /// Present the code.
    ProveRegistration {
        /// The registration.
        registration: RegistrationId,
        /// A keyed digest of the code that was presented.
        code: Digest,
    },
    /// Replace a device's refresh credential.
    RotateCredential {
        /// The device.
        device: DeviceId,
        /// The generation of the credential that was presented.
        generation: u32,
    },
    /// Put a device of one's own party out.
    RevokeDevice {
        /// The device.
        device: DeviceId,
    },
    /// A device opened a connection.
    Connect {
        /// The device.
        device: DeviceId,
        /// The connection.
        connection: ConnectionId,
    },
    /// A device's connection was lost or closed.
    Disconnect {
        /// The device.
        device: DeviceId,
        /// The connection.
        connection: ConnectionId,
    },
    /// A call notification: what somebody reports of a call.
    Notify(Box<Report>),
    /// A text message to the other legs of a session.
    SendText {
        /// The session.
        session: SessionId,
        /// The text.
        text: String,
    },
    /// Take one's place in a session to which one was invited.
    JoinSession {
        /// The session.
        session: SessionId,
    },
    /// Let the session outlive the call, or not.
    KeepSession {
        /// The session.
        session: SessionId,
        /// Whether.
        keep: bool,
    },
    /// Leave a session.
    LeaveSession {
        /// The session.
        session: SessionId,
    },
    /// Time has passed: do what is due.
    Tick,
}
