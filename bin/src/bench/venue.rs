//! Where a journal is measured: a server or file of the benchmark's own, gone when it is done.

use paravox_domain::ports::AnyJournal;
use paravox_harness::nats::{NatsOptions, NatsServer, SyncInterval};
use paravox_harness::postgres::{Database, Postgres};
use paravox_journal::{JetStreamConfig, JournalConfig, PostgresConfig, SqliteConfig};
use tempfile::TempDir;

use crate::cli::JournalKind;
use crate::exit::Failure;

/// The realm of benchmarks.
pub const REALM: &str = "bench";

/// When an acknowledged append is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// As the server does by default.
    Default,
    /// Before the acknowledgement.
    Always,
}

impl Sync {
    /// Its name in the results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Always => "always",
        }
    }
}

/// The settings that are measured for a journal. Databases sync before every acknowledgement, as they are set up here.
pub const fn syncs(kind: JournalKind) -> &'static [Sync] {
    match kind {
        JournalKind::Jetstream => &[Sync::Default, Sync::Always],
        JournalKind::Sqlite | JournalKind::Postgres => &[Sync::Always],
    }
}

/// What keeps the journal alive.
pub enum Home {
    /// A nats-server.
    Nats(Box<NatsServer>, async_nats::Client),
    /// A folder.
    Folder(TempDir),
    /// A PostgreSQL server and a database in it.
    Postgres(Box<(Postgres, Database)>),
}

/// A journal in a place of its own.
pub struct Venue {
    /// The journal.
    pub journal: AnyJournal,
    /// When appends are on the disk.
    pub sync: Sync,
    /// What keeps it alive.
    pub home: Home,
}

impl Venue {
    /// Starts what is needed and opens the journal.
    pub async fn open(kind: JournalKind, sync: Sync) -> Result<Self, Failure> {
        let needed = |error: paravox_harness::Error| Failure::Dependency(error.to_string());
        let (config, home) = match kind {
            JournalKind::Jetstream => {
                let sync_interval = match sync {
                    Sync::Default => SyncInterval::Default,
                    Sync::Always => SyncInterval::Always,
                };
                let options = NatsOptions { sync_interval, ..NatsOptions::default() };
                let server = NatsServer::start(&options).await.map_err(needed)?;
                let client = async_nats::connect(server.url()).await.map_err(Failure::failed)?;
                let config = JetStreamConfig::new(REALM);
                (
                    JournalConfig::JetStream { client: client.clone(), config },
                    Home::Nats(Box::new(server), client),
                )
            }
            JournalKind::Sqlite => {
                let folder = tempfile::tempdir().map_err(Failure::failed)?;
                let file = folder.path().join("journal.sqlite");
                (JournalConfig::Sqlite(SqliteConfig::new(REALM, file)), Home::Folder(folder))
            }
            JournalKind::Postgres => {
                let server = Postgres::start().await.map_err(needed)?;
                let database = server.create_database().await.map_err(needed)?;
                let config = PostgresConfig::new(REALM, database.url());
                (JournalConfig::Postgres(config), Home::Postgres(Box::new((server, database))))
            }
        };
        let journal = paravox_journal::open(&config).await.map_err(Failure::failed)?;
        Ok(Self { journal, sync, home })
    }

    /// The journal's name in the results.
    pub const fn name(&self) -> &'static str {
        match self.home {
            Home::Nats(..) => "jetstream",
            Home::Folder(_) => "sqlite",
            Home::Postgres(_) => "postgres",
        }
    }
}

/// Starts a NATS server that syncs before every acknowledgement and a PostgreSQL server, and writes them into a
/// configuration. They live as long as what is returned.
pub async fn cluster(
    config: &mut crate::config::Config,
) -> Result<(NatsServer, Postgres, Database), Failure> {
    let needed = |error: paravox_harness::Error| Failure::Dependency(error.to_string());
    let nats = NatsServer::start(&NatsOptions::default()).await.map_err(needed)?;
    let postgres = Postgres::start().await.map_err(needed)?;
    let database = postgres.create_database().await.map_err(needed)?;
    crate::keys::init(&config.keys_directory())?;
    config.nats.url = Some(nats.url());
    config.postgres.url = Some(database.url());
    Ok((nats, postgres, database))
}
