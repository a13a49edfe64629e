//! The database behind the readers: PostgreSQL or SQLite, behind one set of statements.
//!
//! Owns: the two pools (one that writes, one that reads), the settings of a connection, opening and its errors.
//! Does not own: the tables (`schema`), nor what stands in them (each projection).
//! Invariant: each statement exists once, as one text that both databases take; with SQLite one connection writes, and
//! its transactions begin with the write lock.
//! Time: none; limits on waiting are the pool's.

mod args;
mod error;
mod list;
mod marks;
mod schema;
mod values;

use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{Any, AnyPool, ConnectOptions as _, Executor as _, Transaction};

pub(crate) use self::args::Args;
pub use self::error::{DbError, OpenError};
pub(crate) use self::list::ListSelect;
pub use self::schema::SCHEMA_VERSION;

pub(crate) use self::values::Insert;
pub(crate) use self::values::{int, opt_text, parse, parse_opt, place, read_word, word};

/// How long a statement waits for a connection.
const ACQUIRE_WITHIN: Duration = Duration::from_secs(10);
/// Connections for reading from PostgreSQL, and from SQLite, where each is a thread.
const READ_CONNECTIONS: [u32; 2] = [8, 4];
/// Connections for writing to PostgreSQL: the runner, its housekeeping, and the reactors.
const WRITE_CONNECTIONS: u32 = 4;

/// Settings of every SQLite connection. The data are derived: `NORMAL` loses at most what is read from the journal again.
const SQLITE_PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 10000; \
                              PRAGMA temp_store = MEMORY";
/// How many KiB of pages a SQLite connection keeps in memory: the one that writes, and one that reads.
const SQLITE_CACHES: [&str; 2] = ["PRAGMA cache_size = -16384", "PRAGMA cache_size = -2048"];

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// One file, in this process.
    Sqlite,
    /// A server.
    Postgres,
}

/// An open database with today's tables. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    engine: Engine,
    realm: String,
    writing: AnyPool,
    reading: AnyPool,
}

impl Db {
    /// Opens `sqlite:///path/views.sqlite` (made if it is not there) or `postgres://…`, and makes or upgrades its tables.
    /// Data of a later program, or of another realm, are left untouched and refused.
    pub async fn open(url: &str, realm: &str) -> Result<Self, OpenError> {
        sqlx::any::install_default_drivers();
        let (engine, url) = if url.starts_with("sqlite:") {
            let sign = if url.contains('?') { '&' } else { '?' };
            let mode = if url.contains("mode=") { String::new() } else { format!("{sign}mode=rwc") };
            (Engine::Sqlite, format!("{url}{mode}"))
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            (Engine::Postgres, url.to_owned())
        } else {
            return Err(OpenError::Scheme);
        };
        let options: AnyConnectOptions = url.parse().map_err(OpenError::Address)?;
        let options = options.disable_statement_logging();
        let (writers, readers) = match engine {
            Engine::Postgres => (WRITE_CONNECTIONS, READ_CONNECTIONS[0]),
            Engine::Sqlite => (1, READ_CONNECTIONS[1]),
        };
        let writing = pool(engine, writers, SQLITE_CACHES[0])
            .connect_with(options.clone())
            .await
            .map_err(OpenError::Unavailable)?;
        schema::prepare(&writing, engine, realm).await?;
        let reading = pool(engine, readers, SQLITE_CACHES[1]).connect_lazy_with(options);
        Ok(Self { engine, realm: realm.to_owned(), writing, reading })
    }

    /// Which database it is.
    pub const fn engine(&self) -> Engine {
        self.engine
    }

    /// The realm whose data it holds.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// Begins a transaction that writes. Dropped without a commit, it leaves nothing behind.
    pub async fn begin(&self) -> Result<Transaction<'static, Any>, DbError> {
        let statement = match self.engine {
            Engine::Sqlite => "BEGIN IMMEDIATE",
            Engine::Postgres => "BEGIN",
        };
        Ok(self.writing.begin_with(statement).await?)
    }

    /// Where to read.
    pub(crate) const fn reads(&self) -> &AnyPool {
        &self.reading
    }

    /// Every row of a table in the order of its columns, as text: for comparing two databases.
    pub async fn dump(&self) -> Result<Vec<String>, DbError> {
        schema::dump(&self.reading).await
    }

    /// Closes all connections, once what they are doing is done.
    pub async fn close(&self) {
        self.reading.close().await;
        self.writing.close().await;
    }
}

fn pool(engine: Engine, connections: u32, sqlite_cache: &'static str) -> AnyPoolOptions {
    let options = AnyPoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_WITHIN)
        .test_before_acquire(engine == Engine::Postgres);
    match engine {
        Engine::Sqlite => {
            options.idle_timeout(None).max_lifetime(None).after_connect(move |connection, _| {
                Box::pin(async move {
                    connection.execute(SQLITE_PRAGMAS).await?;
                    connection.execute(sqlite_cache).await?;
                    Ok(())
                })
            })
        }
        Engine::Postgres => options,
    }
}
