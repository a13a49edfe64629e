//! A journal in an SQLite file.
//!
//! Every append is one statement that checks the end and inserts: it takes the write lock at once, as `BEGIN IMMEDIATE`
//! does, and ends with an fsync of the write-ahead log (`synchronous=FULL`).
//!
//! Owns: the file, one connection for appends, a few for reads.
//! Does not own: the order of appends: callers that pipeline them await one before the next.
//! Invariant: positions are 1, 2, 3 …; a second process that appends is seen by looking every [`SqliteConfig::look_every`].

mod checkpoint;
mod failure;
mod schema;

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use paravox_domain::commit::{COMMIT_BYTES_MAX, EncodedCommit, Position};
use paravox_domain::ports::{AnyJournal, Boxed, ReadError};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Row};
use tokio::sync::Mutex;

use self::checkpoint::{Checkpoints, LOG_PAGES_MAX};
use crate::OpenError;
use crate::handle::Handle;
use crate::open::check_realm;
use crate::store::{FETCH_BYTES, Freshness, Raw, Refusal, Store};
use crate::tail::{KEPT_BYTES_MAX, Tail};

/// How many connections read at once.
const READERS: u32 = 3;
/// How long a connection waits for another process's write lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a reader waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

const APPEND: &str = "INSERT INTO journal (position, commit_id, bytes) \
    SELECT $1, $2, $3 WHERE (SELECT coalesce(max(position), 0) FROM journal) = $1 - 1";
const FETCH: &str = "SELECT position, bytes FROM journal WHERE position > $1 ORDER BY position LIMIT $2";
const FIRST: &str = "SELECT coalesce(min(position), 1) FROM journal";
const END: &str = "SELECT coalesce(max(position), 0) FROM journal";

/// Where the file is, and how often it is looked at.
#[derive(Clone, Debug)]
pub struct SqliteConfig {
    /// The realm.
    pub realm: String,
    /// The file. It is created if it is not there; its folder must be.
    pub file: PathBuf,
    /// How often a follower looks for what another process has appended. Appends of this process wake it at once.
    pub look_every: Duration,
}

impl SqliteConfig {
    /// This realm in this file, looked at every 100 ms.
    pub fn new(realm: impl Into<String>, file: impl Into<PathBuf>) -> Self {
        Self { realm: realm.into(), file: file.into(), look_every: Duration::from_millis(100) }
    }
}

/// Opens the journal in a file, creating it if it is not there.
pub async fn open(config: &SqliteConfig) -> Result<AnyJournal, OpenError> {
    check_realm(&config.realm)?;
    if !schema::check_existing(&config.file, &config.realm).await? {
        create_private(&config.file).map_err(|error| OpenError::Unavailable(error.into()))?;
    }
    let options = SqliteConnectOptions::new()
        .filename(&config.file)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("wal_autocheckpoint", LOG_PAGES_MAX)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging();
    let mut writer = options.connect().await.map_err(failure::open)?;
    schema::create(&mut writer, &config.realm).await?;
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(options.clone())
        .await
        .map_err(failure::open)?;
    let (writer, tail) = (Mutex::new(Some(writer)), Tail::new(KEPT_BYTES_MAX));
    let checkpoints = Checkpoints::default();
    let store = SqliteStore { config: config.clone(), options, writer, readers, checkpoints, tail };
    Ok(Arc::new(Handle::of(Arc::new(store))))
}

/// Creates an empty file that only this user may read. SQLite gives the files beside it the same rights.
fn create_private(file: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(drop)
}

#[derive(Debug)]
struct SqliteStore {
    config: SqliteConfig,
    options: SqliteConnectOptions,
    /// The connection that appends. Taken out while it is used, so that one whose use was broken off is not used again.
    writer: Mutex<Option<SqliteConnection>>,
    readers: SqlitePool,
    checkpoints: Checkpoints,
    tail: Tail,
}

impl SqliteStore {
    async fn insert(&self, commit: &EncodedCommit) -> Result<(), Refusal> {
        let mut writer = self.writer.lock().await;
        let mut connection = match writer.take() {
            Some(connection) => connection,
            None => self.options.connect().await.map_err(|error| Refusal::Unavailable(error.into()))?,
        };
        let outcome = sqlx::query(APPEND)
            .bind(commit.position().0 as i64)
            .bind(commit.id().to_string())
            .bind(&commit.bytes()[..])
            .execute(&mut connection)
            .await;
        *writer = Some(connection);
        let done = outcome.map_err(failure::append)?;
        if done.rows_affected() != 1 {
            return Err(Refusal::Moved);
        }
        self.checkpoints.appended(commit.bytes().len(), &self.readers);
        Ok(())
    }

    async fn rows_after(&self, after: Position, commits_max: usize) -> Result<Vec<Raw>, ReadError> {
        let failed = |error| failure::read(after, error);
        let mut rows = sqlx::query(FETCH)
            .bind(after.0 as i64)
            .bind(i64::try_from(commits_max).unwrap_or(i64::MAX))
            .fetch(&self.readers);
        let mut found = Vec::new();
        let mut bytes = 0;
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            let position = row.try_get::<i64, _>(0).map_err(failed)?;
            let content = row.try_get::<Vec<u8>, _>(1).map_err(failed)?;
            bytes += content.len();
            found.push(Raw { position: Position(position as u64), bytes: content.into() });
            if bytes >= FETCH_BYTES {
                break;
            }
        }
        Ok(found)
    }

    async fn number(&self, statement: &'static str) -> Result<Position, ReadError> {
        let number: i64 = sqlx::query_scalar(statement)
            .fetch_one(&self.readers)
            .await
            .map_err(|error| failure::read(Position::START, error))?;
        Ok(Position(number as u64))
    }
}

impl Store for SqliteStore {
    fn realm(&self) -> &str {
        &self.config.realm
    }

    fn tail(&self) -> &Tail {
        &self.tail
    }

    fn bytes_max(&self) -> usize {
        COMMIT_BYTES_MAX
    }

    fn look_every(&self) -> Duration {
        self.config.look_every
    }

    fn end_may_lag(&self) -> Duration {
        Duration::ZERO
    }

    fn append<'a>(&'a self, commit: &'a EncodedCommit) -> Boxed<'a, Result<(), Refusal>> {
        Box::pin(self.insert(commit))
    }

    fn fetch(
        &self,
        after: Position,
        commits_max: usize,
        _: Freshness,
    ) -> Boxed<'_, Result<Vec<Raw>, ReadError>> {
        Box::pin(self.rows_after(after, commits_max))
    }

    fn first(&self) -> Boxed<'_, Result<Position, ReadError>> {
        Box::pin(self.number(FIRST))
    }

    fn end(&self) -> Boxed<'_, Result<Position, ReadError>> {
        Box::pin(self.number(END))
    }
}
