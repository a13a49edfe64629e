//! What SQLite's errors mean for an append and for a read.
//!
//! Owns: the table from result code to outcome. Codes: <https://www.sqlite.org/rescode.html>.

use paravox_domain::commit::{Corrupt, Position};
use paravox_domain::ports::ReadError;

use crate::OpenError;
use crate::store::{Refusal, unavailable};

const BUSY: u32 = 5;
const LOCKED: u32 = 6;
const READONLY: u32 = 8;
const CORRUPT: u32 = 11;
const FULL: u32 = 13;
const CANTOPEN: u32 = 14;
const NOTADB: u32 = 26;

/// The primary result code, if SQLite itself reported the error.
fn code(error: &sqlx::Error) -> Option<u32> {
    let extended: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}

/// An append failed: was anything appended?
pub(super) fn append(error: sqlx::Error) -> Refusal {
    match (&error, code(&error)) {
        // SQLite has rolled the statement back.
        (_, Some(BUSY | LOCKED | READONLY | FULL | CANTOPEN)) => Refusal::Unavailable(error.into()),
        // The statement was never given to SQLite.
        (sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed, _) => Refusal::Unavailable(error.into()),
        _ => Refusal::Unconfirmed(error.into()),
    }
}

/// A read after this position failed.
pub(super) fn read(after: Position, error: sqlx::Error) -> ReadError {
    match code(&error) {
        Some(CORRUPT | NOTADB) => {
            let detail = "SQLite finds the file damaged".to_owned();
            ReadError::Corrupt { position: after.next(), cause: Corrupt::Content { part: "file", detail } }
        }
        _ => unavailable(error),
    }
}

/// The file could not be opened.
pub(super) fn open(error: sqlx::Error) -> OpenError {
    match code(&error) {
        Some(NOTADB) => crate::open::not_a_journal("the file is no SQLite database"),
        Some(CORRUPT) => crate::open::not_a_journal("SQLite finds the file damaged"),
        _ => OpenError::Unavailable(error.into()),
    }
}
