//! The databases that the suite runs on.

use paravox_harness::{Database, Postgres};
use paravox_projections::Db;
use tempfile::TempDir;

use crate::world::REALM;

/// A fresh database, gone with the value.
pub(crate) struct Fresh {
    url: String,
    _keep: Keep,
}

#[expect(dead_code, reason = "kept for their destructors")]
enum Keep {
    Folder(TempDir),
    Database(Box<(Postgres, Database)>),
}

impl Fresh {
    /// SQLite, in a file of its own.
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite://{}/views.sqlite", folder.path().display());
        Self { url, _keep: Keep::Folder(folder) }
    }

    /// PostgreSQL, in a database of its own.
    pub(crate) async fn postgres() -> Self {
        let server = Postgres::start().await.expect("a PostgreSQL server");
        let database = server.create_database().await.expect("a database");
        Self { url: database.url(), _keep: Keep::Database(Box::new((server, database))) }
    }

    /// Opens it.
    pub(crate) async fn open(&self) -> Db {
        Db::open(&self.url, REALM).await.expect("the database opens")
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// Makes two tests of each function: one on SQLite, one on PostgreSQL.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name(crate::database::Fresh::sqlite()).await; })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name(crate::database::Fresh::postgres().await).await; })*
        }
    };
}
pub(crate) use on_both;
