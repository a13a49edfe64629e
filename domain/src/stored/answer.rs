//! Stored twins of answers, and the form of outcomes and refusals that crosses the bus.

use serde::{Deserialize, Serialize};

use crate::answer::{Answer, Noted, Rejection};
use crate::commit::Position;
use crate::id::{CallId, DeviceId, MessageId, PartyId, RegistrationId, SessionId};
use crate::identity::{InvalidNumber, LookupKey};
use crate::matching::Waiting;
use crate::ports::{Outcome, Refused};
use crate::time::{Instant, Span};

/// The stored form of an [`Answer`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each twin has the meaning of the answer of its name")]
pub enum StoredAnswer {
    Done,
    RegistrationStarted { registration: RegistrationId, expires: Instant },
    Proven { party: PartyId, device: Option<DeviceId> },
    CodeWrong { tries_left: u32 },
    CredentialRotated { device: DeviceId, party: PartyId, generation: u32 },
    CredentialReused,
    Waiting { call: CallId, waiting: Waiting },
    Joined { call: CallId, session: Option<SessionId> },
    Over { call: CallId },
    MessageSent { message: MessageId, number: u64 },
}

impl StoredAnswer {
    /// The twin of an answer.
    pub fn of(answer: &Answer) -> Self {
        match answer {
            Answer::Done => Self::Done,
            Answer::RegistrationStarted { registration, expires } => {
                Self::RegistrationStarted { registration: *registration, expires: *expires }
            }
            Answer::Proven { party, device } => Self::Proven { party: *party, device: *device },
            Answer::CodeWrong { tries_left } => Self::CodeWrong { tries_left: *tries_left },
            Answer::CredentialRotated { device, party, generation } => {
                Self::CredentialRotated { device: *device, party: *party, generation: *generation }
            }
            Answer::CredentialReused => Self::CredentialReused,
            Answer::Noted { call, outcome: Noted::Waiting(waiting) } => {
                Self::Waiting { call: *call, waiting: waiting.clone() }
            }
            Answer::Noted { call, outcome: Noted::Joined { session } } => {
                Self::Joined { call: *call, session: *session }
            }
            Answer::Noted { call, outcome: Noted::Over } => Self::Over { call: *call },
            Answer::MessageSent { message, number } => {
                Self::MessageSent { message: *message, number: *number }
            }
        }
    }

    /// Today's answer.
    pub fn lift(self) -> Answer {
        match self {
            Self::Done => Answer::Done,
            Self::RegistrationStarted { registration, expires } => {
                Answer::RegistrationStarted { registration, expires }
            }
            Self::Proven { party, device } => Answer::Proven { party, device },
            Self::CodeWrong { tries_left } => Answer::CodeWrong { tries_left },
            Self::CredentialRotated { device, party, generation } => {
                Answer::CredentialRotated { device, party, generation }
            }
            Self::CredentialReused => Answer::CredentialReused,
            Self::Waiting { call, waiting } => Answer::Noted { call, outcome: Noted::Waiting(waiting) },
            Self::Joined { call, session } => Answer::Noted { call, outcome: Noted::Joined { session } },
            Self::Over { call } => Answer::Noted { call, outcome: Noted::Over },
            Self::MessageSent { message, number } => Answer::MessageSent { message, number },
        }
    }
}

/// What crosses the bus in answer to a command: an outcome or a refusal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each twin has the meaning of the outcome or refusal of its name")]
pub enum StoredOutcome {
    Settled { answer: StoredAnswer, position: Position, replayed: bool },
    Rejected(StoredRejection),
    Busy { retry_after: Span },
    NoWriter { retry_after: Span },
    UnderWay,
    OtherRequest,
}

impl StoredOutcome {
    /// The twin of what [`crate::ports::Commands::submit`] returned.
    pub fn of(result: &Result<Outcome, Refused>) -> Self {
        match result {
            Ok(Outcome { answer, position, replayed }) => {
                Self::Settled { answer: StoredAnswer::of(answer), position: *position, replayed: *replayed }
            }
            Err(Refused::Rejected(rejection)) => Self::Rejected(StoredRejection::of(rejection)),
            Err(Refused::Busy { retry_after }) => Self::Busy { retry_after: *retry_after },
            Err(Refused::NoWriter { retry_after }) => Self::NoWriter { retry_after: *retry_after },
            Err(Refused::UnderWay) => Self::UnderWay,
            Err(Refused::OtherRequest) => Self::OtherRequest,
        }
    }

    /// What was returned.
    pub fn lift(self) -> Result<Outcome, Refused> {
        match self {
            Self::Settled { answer, position, replayed } => {
                Ok(Outcome { answer: answer.lift(), position, replayed })
            }
            Self::Rejected(rejection) => Err(Refused::Rejected(rejection.lift())),
            Self::Busy { retry_after } => Err(Refused::Busy { retry_after }),
            Self::NoWriter { retry_after } => Err(Refused::NoWriter { retry_after }),
            Self::UnderWay => Err(Refused::UnderWay),
            Self::OtherRequest => Err(Refused::OtherRequest),
        }
    }
}

macro_rules! stored_rejections {
    ($($name:ident $({ $($field:ident: $ty:ty),* })?;)*) => {
        /// The form of a [`Rejection`] that crosses the bus.
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[expect(missing_docs, reason = "each twin has the meaning of the rejection of its name")]
        pub enum StoredRejection {
            NumberUnassigned { country_code: Option<u16> },
            ActorUnfit { needed: String },
            $($name $({ $($field: $ty),* })?,)*
        }

        impl StoredRejection {
            /// The twin of a rejection.
            pub fn of(rejection: &Rejection) -> Self {
                match rejection.clone() {
                    Rejection::NumberUnassigned { cause } => Self::NumberUnassigned {
                        country_code: match cause {
                            InvalidNumber::Unassigned { country_code } => Some(country_code),
                            InvalidNumber::Form | InvalidNumber::UnknownCountry | InvalidNumber::TelUri => None,
                        },
                    },
                    Rejection::ActorUnfit { needed } => Self::ActorUnfit { needed: needed.to_owned() },
                    $(Rejection::$name $({ $($field),* })? => Self::$name $({ $($field),* })?,)*
                }
            }

            /// The rejection.
            pub fn lift(self) -> Rejection {
                match self {
                    Self::NumberUnassigned { country_code } => Rejection::NumberUnassigned {
                        cause: country_code.map_or(InvalidNumber::UnknownCountry, |country_code| {
                            InvalidNumber::Unassigned { country_code }
                        }),
                    },
                    Self::ActorUnfit { needed } => Rejection::ActorUnfit {
                        needed: ACTORS.iter().find(|actor| **actor == needed).copied().unwrap_or("another actor"),
                    },
                    $(Self::$name $({ $($field),* })? => Rejection::$name $({ $($field),* })?,)*
                }
            }
        }
    };
}

/// The actors that a command may need.
const ACTORS: [&str; 4] =
    ["a device", "a device or a service", "a device of the same party", "the device itself"];

stored_rejections! {
    RegistrationUnknown { registration: RegistrationId };
    RegistrationClosed { registration: RegistrationId };
    RegistrationExists { registration: RegistrationId };
    IdentityUnprovable;
    IdentityTaken { key: LookupKey };
    IdentitiesFull { max: usize };
    DevicesFull { max: usize };
    DeviceOut;
    DeviceUnknown { device: DeviceId };
    NotYours;
    SameParty;
    CallsFull { max: usize };
    PartyUnknown;
    SessionUnknown { session: SessionId };
    SessionClosed { session: SessionId };
    LegLeft { session: SessionId };
    TextSize { bytes: usize, bytes_max: usize };
    MessagesFull { max: u64 };
    LegNotJoined { session: SessionId };
    CommandTooLarge { bytes: usize, bytes_max: usize };
}
