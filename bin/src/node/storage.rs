//! Where a node keeps what it knows: its journal, its database, its keys.

use std::path::Path;

use paravox_domain::ports::AnyJournal;
use paravox_journal::{JetStreamConfig, JournalConfig, OpenError, SqliteConfig};
use paravox_projections::{Db, OpenError as DbOpenError};

use super::cluster::Client;
use crate::config::Config;
use crate::exit::Failure;
use crate::keys::{self, Keys};

/// The journal and the read models' database.
pub(super) struct Storage {
    /// The journal.
    pub(super) journal: AnyJournal,
    /// The database.
    pub(super) db: Db,
}

/// The realm's keys. An embedded node makes them at its first start; the nodes of a cluster must be given the same ones.
pub(super) fn keys(config: &Config) -> Result<Keys, Failure> {
    let directory = config.keys_directory();
    if keys::exist(&directory) {
        keys::read(&directory)
    } else if config.is_cluster() {
        Err(Failure::Configuration(format!(
            "there are no keys in {0}: make them once with `paravox key init {0}`, and copy them to every node",
            directory.display()
        )))
    } else {
        keys::init(&directory)
    }
}

impl Storage {
    /// Opens both, making what is not there.
    pub(super) async fn open(config: &Config, client: Option<&Client>) -> Result<Self, Failure> {
        let directory = &config.data.directory;
        let embedded = client.is_none() || database_url(config)?.is_none();
        if embedded {
            std::fs::create_dir_all(directory)
                .map_err(|error| Failure::failed(format!("{}: {error}", directory.display())))?;
        }
        let journal = match client {
            Some(client) => {
                let mut stream = JetStreamConfig::new(config.realm.clone());
                stream.replicas = config.nats.replicas.unwrap_or(1) as usize;
                JournalConfig::JetStream { client: client.nats.clone(), config: stream }
            }
            None => JournalConfig::Sqlite(SqliteConfig::new(&config.realm, directory.join("journal.sqlite"))),
        };
        let journal = paravox_journal::open(&journal).await.map_err(journal_failure)?;
        let url = match database_url(config)? {
            Some(url) => url,
            None => sqlite_url(&directory.join("views.sqlite"))?,
        };
        let db = Db::open(&url, &config.realm).await.map_err(database_failure)?;
        Ok(Self { journal, db })
    }
}

fn database_url(config: &Config) -> Result<Option<String>, Failure> {
    match &config.postgres.url_file {
        Some(file) => {
            let url = std::fs::read_to_string(file)
                .map_err(|error| Failure::Configuration(format!("{}: {error}", file.display())))?;
            Ok(Some(url.trim().to_owned()))
        }
        None => Ok(config.postgres.url.clone()),
    }
}

fn sqlite_url(file: &Path) -> Result<String, Failure> {
    let absolute = std::path::absolute(file).map_err(Failure::failed)?;
    match absolute.to_str() {
        Some(path) if !path.contains(['?', '#', '%']) => Ok(format!("sqlite://{path}")),
        _ => Err(Failure::Configuration(
            "`data.directory` must be UTF-8 without the characters ?, # and %".to_owned(),
        )),
    }
}

fn journal_failure(error: OpenError) -> Failure {
    match error {
        OpenError::NewerData { .. } => Failure::OtherVersion(error.to_string()),
        OpenError::OtherRealm { .. } | OpenError::InvalidRealm { .. } => {
            Failure::Configuration(error.to_string())
        }
        OpenError::Unavailable(_) | OpenError::ServerTooOld { .. } | OpenError::UnsafeSetting { .. } => {
            Failure::Dependency(error.to_string())
        }
        OpenError::NotAJournal { .. } => Failure::failed(error),
    }
}

fn database_failure(error: DbOpenError) -> Failure {
    match error {
        DbOpenError::NewerData { .. } => Failure::OtherVersion(error.to_string()),
        DbOpenError::OtherRealm { .. } | DbOpenError::Scheme | DbOpenError::Address(_) => {
            Failure::Configuration(error.to_string())
        }
        error => Failure::Dependency(error.to_string()),
    }
}
