//! The journal in PostgreSQL.

use std::time::Duration;

use paravox_domain::commit::EncodedCommit;
use paravox_domain::ports::AnyJournal;
use paravox_harness::{Database, Postgres, TcpProxy};
use paravox_journal::{DATA_VERSION, OpenError, PostgresConfig, postgres};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

use crate::commits::REALM;
use crate::fixture::{Damage, Fixture, Remote, changed};

struct Server {
    database: Database,
}

impl Server {
    async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.database.url()).await.unwrap()
    }

    async fn execute(&self, statement: &str) {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut self.connect().await).await.unwrap();
    }
}

fn config(url: String) -> PostgresConfig {
    PostgresConfig {
        append_timeout: Duration::from_secs(2),
        read_timeout: Duration::from_secs(2),
        ..PostgresConfig::new(REALM, url)
    }
}

impl Fixture for Server {
    async fn start() -> Self {
        let server = Postgres::start().await.unwrap();
        Self { database: server.create_database().await.unwrap() }
    }

    async fn open(&self) -> AnyJournal {
        postgres::open(&PostgresConfig::new(REALM, self.database.url())).await.unwrap()
    }

    async fn hold_damaged(&self, commits: &[EncodedCommit], damage: Damage) {
        let journal = self.open().await;
        for commit in commits {
            journal.append(commit).await.unwrap();
        }
        match damage {
            Damage::ChangedByte => {
                sqlx::query("UPDATE journal SET bytes = $1 WHERE position = 2")
                    .bind(changed(&commits[1]))
                    .execute(&mut self.connect().await)
                    .await
                    .unwrap();
            }
            Damage::Gone => self.execute("DELETE FROM journal WHERE position = 2").await,
        }
    }
}

impl Remote for Server {
    async fn open_through_proxy(&self) -> (AnyJournal, TcpProxy) {
        let proxy = TcpProxy::start(self.database.address().await.unwrap()).await.unwrap();
        let url = self.database.url_through(proxy.address());
        (postgres::open(&config(url)).await.unwrap(), proxy)
    }
}

crate::suite::contract!(Server);
crate::suite::remote_contract!(Server);

#[tokio::test]
async fn data_of_a_later_version_are_told_and_left_alone() {
    let fixture = Server::start().await;
    drop(fixture.open().await);
    let later = DATA_VERSION + 1;
    fixture.execute(&format!("UPDATE journal_mark SET value = '{later}' WHERE key = 'data_version'")).await;
    let refused = postgres::open(&config(fixture.database.url())).await.err().unwrap();
    assert!(
        matches!(refused, OpenError::NewerData { found, known: DATA_VERSION } if found == later),
        "{refused}"
    );
}

#[tokio::test]
async fn a_journal_of_another_realm_is_refused() {
    let fixture = Server::start().await;
    drop(fixture.open().await);
    let refused = postgres::open(&PostgresConfig::new("other", fixture.database.url())).await.err().unwrap();
    assert!(matches!(refused, OpenError::OtherRealm { .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_that_open_an_empty_database_at_once_share_one_journal() {
    let fixture = Server::start().await;
    let (one, two) = tokio::join!(fixture.open(), fixture.open());
    assert_eq!(one.end().await.unwrap(), two.end().await.unwrap());
}
