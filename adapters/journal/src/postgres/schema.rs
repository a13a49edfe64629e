//! The tables of a journal in PostgreSQL, and its mark.
//!
//! Owns: the look at what is there before anything is changed, and creating what is missing, one process at a time.

use sqlx::postgres::{PgConnection, PgPool};

use super::failure;
use crate::OpenError;
use crate::open::{DATA_VERSION, check_mark, not_a_journal};

/// The key of the lock under which tables are created: the letters "paravoxj".
const LOCK: i64 = i64::from_be_bytes(*b"paravoxj");

const CREATE: [&str; 2] = [
    "CREATE TABLE journal (
        position BIGINT PRIMARY KEY CHECK (position > 0),
        commit_id TEXT NOT NULL,
        bytes BYTEA NOT NULL)",
    "CREATE TABLE journal_mark (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
];
/// Commits do not compress well a second time, and a page for itself is read fastest.
const STORAGE: &str = "ALTER TABLE journal ALTER COLUMN bytes SET STORAGE EXTERNAL";
const MARK: &str = "INSERT INTO journal_mark (key, value) VALUES ($1, $2)";
const READ_MARK: &str = "SELECT value FROM journal_mark WHERE key = $1";
const HAS_TABLE: &str = "SELECT to_regclass($1) IS NOT NULL";
const FSYNC: &str = "SELECT current_setting('fsync')";

const VERSION: &str = "data_version";
const REALM: &str = "realm";

/// Checks the server and what is there, and creates what is missing.
pub(super) async fn prepare(pool: &PgPool, realm: &str) -> Result<(), OpenError> {
    let fsync: String = sqlx::query_scalar(FSYNC).fetch_one(pool).await.map_err(failure::open)?;
    if fsync != "on" {
        return Err(OpenError::UnsafeSetting { setting: "fsync", found: fsync, needed: "on".to_owned() });
    }
    let mut transaction = pool.begin().await.map_err(failure::open)?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(&mut *transaction)
        .await
        .map_err(failure::open)?;
    let marked = has_table(&mut transaction, "journal_mark").await?;
    if !marked {
        if has_table(&mut transaction, "journal").await? {
            return Err(not_a_journal("there is a table `journal` without a mark"));
        }
        create(&mut transaction, realm).await?;
    }
    let version = read(&mut transaction, VERSION).await?;
    let owner = read(&mut transaction, REALM).await?;
    check_mark(realm, version.as_deref(), owner.as_deref())?;
    transaction.commit().await.map_err(failure::open)
}

async fn has_table(connection: &mut PgConnection, name: &str) -> Result<bool, OpenError> {
    sqlx::query_scalar(HAS_TABLE).bind(name).fetch_one(connection).await.map_err(failure::open)
}

async fn read(connection: &mut PgConnection, key: &str) -> Result<Option<String>, OpenError> {
    sqlx::query_scalar(READ_MARK).bind(key).fetch_optional(connection).await.map_err(failure::open)
}

async fn create(connection: &mut PgConnection, realm: &str) -> Result<(), OpenError> {
    for statement in CREATE.into_iter().chain([STORAGE]) {
        sqlx::query(statement).execute(&mut *connection).await.map_err(failure::open)?;
    }
    for (key, value) in [(VERSION, DATA_VERSION.to_string()), (REALM, realm.to_owned())] {
        sqlx::query(MARK).bind(key).bind(value).execute(&mut *connection).await.map_err(failure::open)?;
    }
    Ok(())
}
