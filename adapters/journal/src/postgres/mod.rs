//! A journal in a database of a PostgreSQL server.
//!
//! Every append is one statement that checks the end, inserts and notifies. Two writers that are equally fast meet in the
//! primary key: one of them is fenced. The position has no gap, because a commit is inserted only behind one that is
//! visible, which is one that is committed.
//!
//! Owns: the table `journal` of one realm, the connections, and the wake-up of followers by `LISTEN`.
//! Does not own: the database and its durability settings; `synchronous_commit` is set for each connection, and a server
//! that runs without `fsync` is refused.
//! Invariant: an acknowledged commit is on the server's disk.
//! Time: the runtime's clock, for limits.

mod failure;
mod listen;
mod schema;

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use paravox_domain::commit::{COMMIT_BYTES_MAX, EncodedCommit, Position};
use paravox_domain::ports::{AnyJournal, Boxed, ReadError};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgRow};
use sqlx::{ConnectOptions, Row};
use tokio::sync::Mutex;

use self::listen::Listening;
use crate::OpenError;
use crate::handle::Handle;
use crate::open::check_realm;
use crate::store::{FETCH_BYTES, Freshness, Raw, Refusal, Store, unavailable};
use crate::tail::{KEPT_BYTES_MAX, Tail};

/// How many connections read at once.
const READERS: u32 = 4;

const APPEND: &str = "WITH appended AS (\
    INSERT INTO journal (position, commit_id, bytes) \
    SELECT $1, $2, $3 WHERE (SELECT coalesce(max(position), 0) FROM journal) = $1 - 1 \
    RETURNING position) \
    SELECT pg_notify($4, position::text) IS NULL FROM appended";
/// At most $2 commits, and no more after the one with which $3 bytes are reached: what the server has begun to send must
/// be taken to its end. The lengths are read without the contents.
const FETCH: &str = "SELECT position, bytes FROM journal WHERE position > $1 AND position <= (\
    SELECT max(position) FROM (\
    SELECT position, sum(octet_length(bytes)) OVER (ORDER BY position) - octet_length(bytes) AS bytes_before \
    FROM journal WHERE position > $1 ORDER BY position LIMIT $2) AS sized \
    WHERE bytes_before < $3) ORDER BY position";
const FIRST: &str = "SELECT coalesce(min(position), 1) FROM journal";
const END: &str = "SELECT coalesce(max(position), 0) FROM journal";

/// Which database, and the limits.
#[derive(Clone)]
pub struct PostgresConfig {
    /// The realm.
    pub realm: String,
    /// The database: `postgres://user:password@host/name`. Never shown.
    pub url: String,
    /// After how long an append's outcome counts as unknown.
    pub append_timeout: Duration,
    /// After how long a read is given up.
    pub read_timeout: Duration,
    /// How often a follower looks without having been woken: a notification may be lost with its connection.
    pub look_every: Duration,
}

impl PostgresConfig {
    /// This realm in this database: appends within 10 s, reads within 10 s, a look every 500 ms.
    pub fn new(realm: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            realm: realm.into(),
            url: url.into(),
            append_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(10),
            look_every: Duration::from_millis(500),
        }
    }
}

impl std::fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresConfig").field("realm", &self.realm).finish_non_exhaustive()
    }
}

/// Opens the journal in a database, creating its tables if they are not there.
pub async fn open(config: &PostgresConfig) -> Result<AnyJournal, OpenError> {
    check_realm(&config.realm)?;
    let options = PgConnectOptions::from_str(&config.url)
        .map_err(failure::open)?
        .application_name("paravox-journal")
        .options([("synchronous_commit", "on")])
        .disable_statement_logging();
    let pool = |connections| {
        PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(config.read_timeout)
            .test_before_acquire(false)
            .connect_with(options.clone())
    };
    let readers = pool(READERS).await.map_err(failure::open)?;
    schema::prepare(&readers, &config.realm).await?;
    let tail = Arc::new(Tail::new(KEPT_BYTES_MAX));
    let channel = format!("paravox_journal_{}", config.realm);
    // The listener takes a connection for itself for as long as the journal is open.
    let listening = Listening::start(pool(1).await.map_err(failure::open)?, channel.clone(), tail.clone());
    let writer = Mutex::new(None);
    let store = PostgresStore {
        config: config.clone(),
        options,
        channel,
        writer,
        readers,
        tail,
        _listening: listening,
    };
    Ok(Arc::new(Handle::of(Arc::new(store))))
}

struct PostgresStore {
    config: PostgresConfig,
    options: PgConnectOptions,
    channel: String,
    /// The connection that appends. Taken out while it is used, so that one whose use was broken off is not used again.
    writer: Mutex<Option<PgConnection>>,
    readers: PgPool,
    tail: Arc<Tail>,
    _listening: Listening,
}

impl PostgresStore {
    async fn insert(&self, commit: &EncodedCommit) -> Result<(), Refusal> {
        let mut writer = self.writer.lock().await;
        let mut connection = match writer.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let inserting = sqlx::query(APPEND)
            .bind(commit.position().0 as i64)
            .bind(commit.id().to_string())
            .bind(&commit.bytes()[..])
            .bind(&self.channel)
            .fetch_optional(&mut connection);
        let outcome = tokio::time::timeout(self.config.append_timeout, inserting)
            .await
            .map_err(|elapsed| Refusal::Unconfirmed(elapsed.into()))?;
        let is_usable = outcome.as_ref().map_or_else(|error| error.as_database_error().is_some(), |_| true);
        if is_usable {
            *writer = Some(connection);
        }
        match outcome {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(Refusal::Moved),
            Err(error) => Err(failure::append(error)),
        }
    }

    async fn connect(&self) -> Result<PgConnection, Refusal> {
        match tokio::time::timeout(self.config.append_timeout, self.options.connect()).await {
            Ok(connected) => connected.map_err(|error| Refusal::Unavailable(error.into())),
            Err(elapsed) => Err(Refusal::Unavailable(elapsed.into())),
        }
    }

    async fn rows_after(&self, after: Position, commits_max: usize) -> Result<Vec<Raw>, ReadError> {
        let reading = async {
            let rows = sqlx::query(FETCH)
                .bind(after.0 as i64)
                .bind(i64::try_from(commits_max).unwrap_or(i64::MAX))
                .bind(FETCH_BYTES as i64)
                .fetch_all(&self.readers)
                .await?;
            rows.iter().map(raw).collect()
        };
        self.within_limit(reading).await
    }

    async fn number(&self, statement: &'static str) -> Result<Position, ReadError> {
        let reading = sqlx::query_scalar::<_, i64>(statement).fetch_one(&self.readers);
        Ok(Position(self.within_limit(reading).await? as u64))
    }

    async fn within_limit<T>(
        &self,
        reading: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, ReadError> {
        match tokio::time::timeout(self.config.read_timeout, reading).await {
            Ok(read) => read.map_err(unavailable),
            Err(elapsed) => Err(unavailable(elapsed)),
        }
    }
}

fn raw(row: &PgRow) -> Result<Raw, sqlx::Error> {
    let (position, bytes): (i64, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
    Ok(Raw { position: Position(position as u64), bytes: bytes.into() })
}

impl Store for PostgresStore {
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
