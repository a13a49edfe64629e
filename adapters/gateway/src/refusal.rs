//! What the domain, the writer and the read models refuse, as problem documents.
//!
//! Owns: the status of each class of refusal.
//! Invariant: what is not the caller's looks as what does not exist: a refusal of class `NotFound` repeats no id (A1).

use axum::http::StatusCode;
use paravox_domain::answer::{Class, Rejection};
use paravox_domain::ports::Refused as NotDone;
use paravox_domain::ports::query::QueryError;
use paravox_domain::time::Span;

use crate::codes::GatewayCode;
use crate::problem::Problem;

/// Time after which to ask again where nobody knows better.
const SOON: Span = Span::seconds(1);

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let (status, title) = match rejection.class() {
            Class::Unauthenticated => (StatusCode::UNAUTHORIZED, "The credential is not good"),
            Class::Forbidden => (StatusCode::FORBIDDEN, "This may not be asked with this credential"),
            Class::NotFound => (StatusCode::NOT_FOUND, "There is no such thing"),
            Class::Conflict => (StatusCode::CONFLICT, "This cannot be done as things stand"),
            Class::Unprocessable => (StatusCode::UNPROCESSABLE_ENTITY, "This cannot be done"),
            Class::TooMany => (StatusCode::TOO_MANY_REQUESTS, "A limit is reached"),
        };
        let after = rejection.retry_after();
        match &rejection {
            Rejection::RegistrationUnknown { .. } => {
                Self::of_domain(status, rejection.code(), title, "there is no such registration", after)
            }
            Rejection::DeviceUnknown { .. } => {
                Self::of_domain(status, rejection.code(), title, "your party has no such device", after)
            }
            Rejection::SessionUnknown { .. } => session_unknown(),
            // Told without the look-up key.
            other => Self::of_domain(status, rejection.code(), title, other.to_string(), after),
        }
    }
}

/// No such session, or none of the caller's: one answer for both, on every route.
pub(crate) fn session_unknown() -> Problem {
    let id = paravox_domain::id::Id::from_bits(0);
    let rejection = Rejection::SessionUnknown { session: id };
    Problem::of_domain(
        StatusCode::NOT_FOUND,
        rejection.code(),
        "There is no such thing",
        "there is no such session",
        None,
    )
}

/// No such device of the caller's party.
pub(crate) fn device_unknown() -> Problem {
    Rejection::DeviceUnknown { device: paravox_domain::id::Id::from_bits(0) }.into()
}

/// No such registration.
pub(crate) fn registration_unknown() -> Problem {
    Rejection::RegistrationUnknown { registration: paravox_domain::id::Id::from_bits(0) }.into()
}

/// No such call, or none of the caller's.
pub(crate) fn call_unknown() -> Problem {
    Problem::new(GatewayCode::CallUnknown, "there is no such call")
}

impl From<NotDone> for Problem {
    fn from(refused: NotDone) -> Self {
        let detail = refused.to_string();
        match refused {
            NotDone::Rejected(rejection) => rejection.into(),
            NotDone::Busy { retry_after } => Self::new(GatewayCode::Busy, detail).after(retry_after),
            NotDone::NoWriter { retry_after } => Self::new(GatewayCode::NoWriter, detail).after(retry_after),
            NotDone::UnderWay => Self::new(GatewayCode::UnderWay, detail).after(SOON),
            NotDone::OtherRequest => Self::new(
                GatewayCode::KeyUsed,
                "this idempotency key was used for another request: take a fresh key for each new request",
            ),
        }
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Unavailable(cause) => {
                tracing::warn!(%cause, "a read model does not answer");
                Self::new(GatewayCode::ReadsUnavailable, "the read models do not answer at the moment")
                    .after(SOON)
            }
            QueryError::Stopped(cause) => {
                tracing::error!(cause, "a read model has stopped");
                Self::new(GatewayCode::ReadsStopped, "a reader has stopped; the operator has to look at it")
            }
        }
    }
}
