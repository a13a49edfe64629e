//! Answers: what a command that was carried out is answered, and why another one was refused.
//!
//! Owns: both, each refusal with its code. An answer is small, and holds ids only: it stands in the journal's envelope.
//! Does not own: how a refusal is shown (an edge makes a problem document of it).

use crate::id::{CallId, DeviceId, MessageId, PartyId, RegistrationId, SessionId};
use crate::identity::{InvalidNumber, LookupKey};
use crate::matching::Waiting;
use crate::time::{Instant, Span};

/// What a command that was carried out is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was done; there is nothing to tell.
    Done,
    /// A registration was started.
    RegistrationStarted {
        /// The registration.
        registration: RegistrationId,
        /// When its code ceases to be good.
        expires: Instant,
    },
    /// The identity is proven.
    Proven {
        /// The party.
        party: PartyId,
        /// The device that was let in, if one was.
        device: Option<DeviceId>,
    },
    /// The code was wrong. An answer and not a refusal, because the try counts: it is an event.
    CodeWrong {
        /// How many tries are left.
        tries_left: u32,
    },
    /// The credential has this generation now.
    CredentialRotated {
        /// The device.
        device: DeviceId,
        /// Its party.
        party: PartyId,
        /// The generation.
        generation: u32,
    },
    /// A credential that had been replaced was used: the device was put out.
    CredentialReused,
    /// A notification was taken.
    Noted {
        /// The call that it belongs to.
        call: CallId,
        /// What has become of it.
        outcome: Noted,
    },
    /// A message was accepted.
    MessageSent {
        /// The message.
        message: MessageId,
        /// Its number in the session: 1, 2, 3 …
        number: u64,
    },
}

/// What has become of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noted {
    /// Waiting for the other side, and why.
    Waiting(Waiting),
    /// The call has both sides; its session, if one is open.
    Joined {
        /// The session.
        session: Option<SessionId>,
    },
    /// The call is over.
    Over,
}

/// What kind of refusal it is: what an edge makes a status of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The credential is not good (any more).
    Unauthenticated,
    /// The actor may not.
    Forbidden,
    /// There is no such thing, or none that the actor may know of.
    NotFound,
    /// Not in this state.
    Conflict,
    /// What is asked cannot be done for anybody.
    Unprocessable,
    /// A limit is reached.
    TooMany,
}

macro_rules! rejections {
    ($($(#[$doc:meta])* $name:ident $({ $($(#[$field_doc:meta])* $field:ident: $ty:ty),* $(,)? })? = $code:literal $class:ident $text:literal;)*) => {
        /// Why the domain refused a command. Nothing was changed.
        #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
        pub enum Rejection {$(
            $(#[$doc])*
            #[error($text)]
            $name $({ $($(#[$field_doc])* $field: $ty),* })?,
        )*}

        impl Rejection {
            /// The code, with a page of its own in `docs/errors/`.
            pub const fn code(&self) -> &'static str {
                match self { $(Self::$name { .. } => $code,)* }
            }

            /// The kind of refusal.
            pub const fn class(&self) -> Class {
                match self { $(Self::$name { .. } => Class::$class,)* }
            }
        }

        /// Every code that a rejection can have, in order.
        pub const REJECTION_CODES: &[&str] = &[$($code),*];
    };
}

rejections! {
    /// No such registration.
    RegistrationUnknown { /// The id.
        registration: RegistrationId } = "PVX-1001" NotFound "there is no registration {registration}";
    /// The registration has ended: by time, by too many wrong codes, or because its code was used.
    RegistrationClosed { /// The id.
        registration: RegistrationId } = "PVX-1002" Conflict "registration {registration} is closed: start another one";
    /// Only telephone numbers can be proven by a short message.
    IdentityUnprovable = "PVX-1003" Unprocessable "only a telephone number can be proven by a code in a short message";
    /// No numbering plan has the number.
    NumberUnassigned { /// Why.
        cause: InvalidNumber } = "PVX-1004" Unprocessable "{cause}";
    /// The identity belongs to another party.
    IdentityTaken { /// Its look-up key.
        key: LookupKey } = "PVX-1005" Conflict "this identity belongs to another party";
    /// The party has as many identities as it may have.
    IdentitiesFull { /// The limit.
        max: usize } = "PVX-1006" TooMany "a party has at most {max} identities";
    /// The party has as many devices as it may have.
    DevicesFull { /// The limit.
        max: usize } = "PVX-1007" TooMany "a party has at most {max} devices: revoke one first";
    /// The id of a new registration is taken.
    RegistrationExists { /// The id.
        registration: RegistrationId } = "PVX-1008" Conflict "registration {registration} exists already";

    /// The device is unknown, revoked, or another party's.
    DeviceOut = "PVX-1101" Unauthenticated "this device is not (or no longer) registered: register it again";
    /// The actor cannot ask for this.
    ActorUnfit { /// What kind of actor it takes.
        needed: &'static str } = "PVX-1102" Forbidden "this can only be asked by {needed}";
    /// No such device of this party.
    DeviceUnknown { /// The id.
        device: DeviceId } = "PVX-1103" NotFound "your party has no device {device}";

    /// The notification speaks for an identity that is not the actor's.
    NotYours = "PVX-1201" Forbidden "a notification can only be made on behalf of an identity that was proven by its reporter's party";
    /// Both sides of the call would be the same party.
    SameParty = "PVX-1202" Unprocessable "a party cannot call itself: `other` is an identity of the reporting party";
    /// Too many calls are open for one identity.
    CallsFull { /// The limit.
        max: usize } = "PVX-1203" TooMany "at most {max} calls may be open for one identity at a time";
    /// Nobody has this identity.
    PartyUnknown = "PVX-1204" Unprocessable "the identity on whose behalf the notification is made is not registered";

    /// No such session, or none of the actor's.
    SessionUnknown { /// The id.
        session: SessionId } = "PVX-1301" NotFound "there is no session {session}";
    /// The session is closed.
    SessionClosed { /// The id.
        session: SessionId } = "PVX-1302" Conflict "session {session} is closed";
    /// The actor has left the session.
    LegLeft { /// The id.
        session: SessionId } = "PVX-1303" Conflict "you have left session {session}";
    /// The text is empty or too long.
    TextSize { /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize } = "PVX-1304" Unprocessable "a text message has 1 to {bytes_max} bytes; this one has {bytes}";
    /// The session has as many messages as it may have.
    MessagesFull { /// The limit.
        max: u64 } = "PVX-1305" TooMany "a session holds at most {max} messages";
    /// The leg was invited and has not joined.
    LegNotJoined { /// The id.
        session: SessionId } = "PVX-1306" Conflict "join session {session} first";

    /// The texts of a command together are longer than what it leads to could be written with.
    CommandTooLarge { /// Their size.
        bytes: usize,
        /// The limit.
        bytes_max: usize } = "PVX-1401" Unprocessable "the texts of a request have {bytes_max} bytes at most; these have {bytes}";
}

/// How long to wait before the same request can succeed, where that is known.
impl Rejection {
    /// Time after which a repeat may succeed, for refusals at a limit.
    pub const fn retry_after(&self) -> Option<Span> {
        match self.class() {
            Class::TooMany => Some(Span::seconds(30)),
            _ => None,
        }
    }
}
