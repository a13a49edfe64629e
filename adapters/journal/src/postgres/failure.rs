//! What PostgreSQL's errors mean for an append.
//!
//! Owns: the table from SQLSTATE to outcome. Codes: PostgreSQL's documentation, appendix A.

use std::borrow::Cow;

use crate::OpenError;
use crate::store::Refusal;

/// An append failed: was anything appended?
pub(super) fn append(error: sqlx::Error) -> Refusal {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code).map(Cow::into_owned);
    match code.as_deref() {
        // Another writer has inserted at this position.
        Some("23505") => Refusal::Moved,
        // The server is going down: whether the statement had ended is not known.
        Some(code) if code.starts_with("57") => Refusal::Unconfirmed(error.into()),
        // Everything else that the server reports, it reports after having rolled the statement back: no room (53), a
        // standby that takes no writes (25), a conflict (40), no such table (42) …
        Some(_) => Refusal::Unavailable(error.into()),
        None => Refusal::Unconfirmed(error.into()),
    }
}

/// The database could not be opened.
pub(super) fn open(error: sqlx::Error) -> OpenError {
    OpenError::Unavailable(error.into())
}
