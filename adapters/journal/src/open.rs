//! Opening a journal: which one, and what must be right before a byte of it is touched.
//!
//! Owns: the choice between the homes, the mark that says which version the data have and which realm they belong to.
//! Does not own: how a home keeps the mark.
//! Invariant: data of a later version, and data of another realm, are left as they are.

use paravox_domain::ports::{AnyJournal, Cause};

use crate::{JetStreamConfig, MemoryJournal, PostgresConfig, SqliteConfig, jetstream, postgres, sqlite};

/// The version of the data that this program writes. Raised when a program of the version before could no longer read
/// them.
pub const DATA_VERSION: u32 = 1;

/// The longest name of a realm: it becomes a part of a subject and of a stream's name.
const REALM_BYTES_MAX: usize = 64;

/// Why a journal could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It does not answer; another try may succeed.
    #[error("the journal cannot be opened now: {0}")]
    Unavailable(#[source] Cause),
    /// The data were written by a later program. Nothing was touched.
    #[error("the journal's data have version {found}; this program knows versions up to {known}")]
    NewerData {
        /// The version of the data.
        found: u32,
        /// The latest version that this program knows.
        known: u32,
    },
    /// The journal belongs to another realm. Nothing was touched.
    #[error("the journal belongs to realm `{found}`, not to `{expected}`")]
    OtherRealm {
        /// The realm that was asked for.
        expected: String,
        /// The realm whose journal this is.
        found: String,
    },
    /// What is there is no journal of Paravox. Nothing was touched.
    #[error("what is there is no journal of Paravox: {detail}")]
    NotAJournal {
        /// What is missing or odd.
        detail: String,
    },
    /// The name of the realm cannot be a part of a subject.
    #[error(
        "`{realm}` cannot name a realm: 1 to {REALM_BYTES_MAX} letters, digits, hyphens and underscores can"
    )]
    InvalidRealm {
        /// The name.
        realm: String,
    },
    /// A server's setting would put commits at risk, or stop the writer sooner or later.
    #[error("the journal's setting `{setting}` is {found}; {needed} is needed")]
    UnsafeSetting {
        /// The setting.
        setting: &'static str,
        /// What it is.
        found: String,
        /// What it must be.
        needed: String,
    },
    /// The server is older than what Paravox supports.
    #[error("the server has version {found}; at least {floor} is needed")]
    ServerTooOld {
        /// Its version.
        found: String,
        /// The lowest supported version.
        floor: &'static str,
    },
}

impl OpenError {
    /// Whether another try may succeed.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// Which journal, and where.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a program has one of them")]
pub enum JournalConfig {
    /// In memory; gone with the process.
    Memory {
        /// The realm.
        realm: String,
    },
    /// A file.
    Sqlite(SqliteConfig),
    /// A database of a PostgreSQL server.
    Postgres(PostgresConfig),
    /// A stream of a NATS server or cluster.
    JetStream {
        /// The connection. It should reconnect without end (the default of the client).
        client: async_nats::Client,
        /// The stream.
        config: JetStreamConfig,
    },
}

/// Opens a journal, creating it if it is not there.
pub async fn open(config: &JournalConfig) -> Result<AnyJournal, OpenError> {
    match config {
        JournalConfig::Memory { realm } => Ok(MemoryJournal::new(realm)?.journal()),
        JournalConfig::Sqlite(config) => sqlite::open(config).await,
        JournalConfig::Postgres(config) => postgres::open(config).await,
        JournalConfig::JetStream { client, config } => jetstream::open(client.clone(), config).await,
    }
}

/// Refuses a name that cannot be a part of a subject, a stream's name or a channel's name.
pub(crate) fn check_realm(realm: &str) -> Result<(), OpenError> {
    let fits = (1..=REALM_BYTES_MAX).contains(&realm.len())
        && realm.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if fits {
        Ok(())
    } else {
        Err(OpenError::InvalidRealm { realm: realm.chars().take(REALM_BYTES_MAX).collect() })
    }
}

/// Checks the mark that a journal carries.
pub(crate) fn check_mark(realm: &str, version: Option<&str>, owner: Option<&str>) -> Result<(), OpenError> {
    let version = version.ok_or_else(|| not_a_journal("its data carry no version"))?;
    let found = version.parse().map_err(|_| not_a_journal("the version of its data is no number"))?;
    if found > DATA_VERSION {
        return Err(OpenError::NewerData { found, known: DATA_VERSION });
    }
    let owner = owner.ok_or_else(|| not_a_journal("it names no realm"))?;
    if owner != realm {
        return Err(OpenError::OtherRealm { expected: realm.to_owned(), found: owner.to_owned() });
    }
    Ok(())
}

pub(crate) fn not_a_journal(detail: impl Into<String>) -> OpenError {
    OpenError::NotAJournal { detail: detail.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_is_one_plain_token() {
        for realm in ["main", "33-mobile", "a_b"] {
            assert!(check_realm(realm).is_ok(), "{realm}");
        }
        for realm in ["", "a.b", "a b", ">", "*", "é", &"a".repeat(65)] {
            assert!(matches!(check_realm(realm), Err(OpenError::InvalidRealm { .. })), "{realm}");
        }
    }

    #[test]
    fn a_later_version_is_told_before_the_realm() {
        assert!(matches!(
            check_mark("main", Some("2"), Some("other")),
            Err(OpenError::NewerData { found: 2, known: 1 })
        ));
        assert!(matches!(check_mark("main", Some("1"), Some("other")), Err(OpenError::OtherRealm { .. })));
        assert!(matches!(check_mark("main", None, None), Err(OpenError::NotAJournal { .. })));
        assert!(check_mark("main", Some("1"), Some("main")).is_ok());
    }
}
