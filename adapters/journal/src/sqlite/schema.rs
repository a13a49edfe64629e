//! The tables of a journal in SQLite, and its mark.
//!
//! Owns: creating them, and the look at a file that is already there before anything in it is changed.

use std::io::ErrorKind;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use super::failure;
use crate::OpenError;
use crate::open::{DATA_VERSION, check_mark, not_a_journal};

const CREATE: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS journal (
        position INTEGER PRIMARY KEY,
        commit_id TEXT NOT NULL,
        bytes BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS journal_mark (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
];
const MARK: &str = "INSERT INTO journal_mark (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING";
const READ_MARK: &str = "SELECT value FROM journal_mark WHERE key = $1";
const HAS_TABLE: &str = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1";
const TABLES: &str = "SELECT count(*) FROM sqlite_master WHERE type = 'table'";

const VERSION: &str = "data_version";
const REALM: &str = "realm";

/// Checks a file that is there, without changing it; `false` if there is none. An empty one is fine.
pub(super) async fn check_existing(file: &Path, realm: &str) -> Result<bool, OpenError> {
    match tokio::fs::metadata(file).await {
        Ok(metadata) if metadata.len() > 0 => {}
        Ok(_) => return Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(OpenError::Unavailable(error.into())),
    }
    let mut connection = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(false)
        .disable_statement_logging()
        .connect()
        .await
        .map_err(failure::open)?;
    let checked = check(&mut connection, realm).await;
    connection.close().await.map_err(failure::open)?;
    checked.map(|()| true)
}

async fn check(connection: &mut SqliteConnection, realm: &str) -> Result<(), OpenError> {
    let marked: i64 = sqlx::query_scalar(HAS_TABLE)
        .bind("journal_mark")
        .fetch_one(&mut *connection)
        .await
        .map_err(failure::open)?;
    if marked == 0 {
        let tables: i64 =
            sqlx::query_scalar(TABLES).fetch_one(&mut *connection).await.map_err(failure::open)?;
        // A creation that was cut short before its transaction ended leaves no table.
        return if tables == 0 { Ok(()) } else { Err(not_a_journal("the file holds other tables")) };
    }
    let version = read(connection, VERSION).await?;
    let owner = read(connection, REALM).await?;
    check_mark(realm, version.as_deref(), owner.as_deref())
}

async fn read(connection: &mut SqliteConnection, key: &str) -> Result<Option<String>, OpenError> {
    sqlx::query_scalar(READ_MARK).bind(key).fetch_optional(connection).await.map_err(failure::open)
}

/// Creates what is missing, and checks the mark once more: another process may have been faster.
pub(super) async fn create(writer: &mut SqliteConnection, realm: &str) -> Result<(), OpenError> {
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failure::open)?;
    for statement in CREATE {
        sqlx::query(statement).execute(&mut *transaction).await.map_err(failure::open)?;
    }
    for (key, value) in [(VERSION, DATA_VERSION.to_string()), (REALM, realm.to_owned())] {
        sqlx::query(MARK).bind(key).bind(value).execute(&mut *transaction).await.map_err(failure::open)?;
    }
    check(&mut transaction, realm).await?;
    transaction.commit().await.map_err(failure::open)
}
