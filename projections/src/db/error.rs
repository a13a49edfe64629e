//! Errors of the database behind the readers.
//!
//! Owns: the outcomes that a caller must tell apart: try again, stop, or do not open at all.
//! Invariant: no error repeats a value of an event.

use paravox_domain::ports::query::QueryError;

use super::schema::SCHEMA_VERSION;

/// Why a database was not opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Neither SQLite nor PostgreSQL.
    #[error("a database of read models is named by sqlite:///path or postgres://host/name")]
    Scheme,
    /// The address cannot be read.
    #[error("the address of the database is wrong: {0}")]
    Address(#[source] sqlx::Error),
    /// It does not answer, or not as it should.
    #[error("the database of read models does not answer: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// A later program has written here.
    #[error("the read models have version {found}; this program knows up to {known}: use the later program")]
    NewerData {
        /// The version that was found.
        found: i64,
        /// The version that this program writes.
        known: i64,
    },
    /// These are another realm's data.
    #[error("the read models are those of realm `{found}`, not of `{expected}`")]
    OtherRealm {
        /// The realm that was found.
        found: String,
        /// The realm that was asked for.
        expected: String,
    },
    /// The marker of version and realm cannot be read.
    #[error("the marker of the read models' version cannot be read")]
    Marker,
}

impl OpenError {
    pub(super) const fn newer(found: i64) -> Self {
        Self::NewerData { found, known: SCHEMA_VERSION }
    }
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(error)
    }
}

/// Why a statement did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Another try may succeed.
    #[error("the database does not answer: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// What is stored, or what is to be stored, cannot be: stop.
    #[error("the data are damaged: {0}")]
    Damaged(String),
    /// Another process has moved this reader's position.
    #[error("another process applies what this reader reads")]
    Superseded,
}

impl DbError {
    /// Something stored that this program did not write so.
    pub(crate) fn damaged(what: &str) -> Self {
        Self::Damaged(what.to_owned())
    }

    /// Whether no other try can help.
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged(_))
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(inner) if inner.is_unique_violation() => Self::damaged(
                "a row that exists already was to be added: the journal has changed under its readers",
            ),
            sqlx::Error::ColumnDecode { index, .. } => {
                Self::Damaged(format!("column {index} has another form"))
            }
            _ => Self::Unavailable(error),
        }
    }
}

impl From<DbError> for QueryError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Damaged(detail) => Self::Stopped(detail),
            error => Self::Unavailable(Box::new(error)),
        }
    }
}
