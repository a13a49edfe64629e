//! The journal in an SQLite file.

use std::path::{Path, PathBuf};

use paravox_domain::commit::{EncodedCommit, Position};
use paravox_domain::ports::AnyJournal;
use paravox_journal::{DATA_VERSION, OpenError, SqliteConfig, sqlite};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions};
use tempfile::TempDir;

use crate::commits::{REALM, Writer};
use crate::fixture::{Damage, Fixture, changed};

struct Sqlite {
    folder: TempDir,
}

impl Sqlite {
    fn file(&self) -> PathBuf {
        self.folder.path().join("journal.sqlite")
    }
}

async fn connect(file: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(file).create_if_missing(true).connect().await.unwrap()
}

async fn execute(file: &Path, statement: &str) {
    sqlx::query(AssertSqlSafe(statement)).execute(&mut connect(file).await).await.unwrap();
}

impl Fixture for Sqlite {
    async fn start() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    async fn open(&self) -> AnyJournal {
        sqlite::open(&SqliteConfig::new(REALM, self.file())).await.unwrap()
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
                    .execute(&mut connect(&self.file()).await)
                    .await
                    .unwrap();
            }
            Damage::Gone => execute(&self.file(), "DELETE FROM journal WHERE position = 2").await,
        }
    }
}

crate::suite::contract!(Sqlite);

#[tokio::test]
async fn i1_commits_are_synced_and_logged_ahead() {
    let fixture = Sqlite::start().await;
    let journal = fixture.open().await;
    journal.append(&Writer::new(1).commit(1)).await.unwrap();
    let mut connection = connect(&fixture.file()).await;
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut connection).await.unwrap();
    assert_eq!(mode, "wal");
    drop(journal);
    assert_eq!(fixture.open().await.end().await.unwrap(), Position(1));
}

#[tokio::test]
async fn data_of_a_later_version_are_told_and_left_alone() {
    let fixture = Sqlite::start().await;
    drop(fixture.open().await);
    let later = DATA_VERSION + 1;
    execute(
        &fixture.file(),
        &format!("UPDATE journal_mark SET value = '{later}' WHERE key = 'data_version'"),
    )
    .await;
    let refused = sqlite::open(&SqliteConfig::new(REALM, fixture.file())).await.err().unwrap();
    assert!(
        matches!(refused, OpenError::NewerData { found, known: DATA_VERSION } if found == later),
        "{refused}"
    );
}

#[tokio::test]
async fn a_journal_of_another_realm_and_a_file_of_another_kind_are_refused() {
    let fixture = Sqlite::start().await;
    drop(fixture.open().await);
    let refused = sqlite::open(&SqliteConfig::new("other", fixture.file())).await.err().unwrap();
    assert!(matches!(refused, OpenError::OtherRealm { .. }), "{refused}");

    let text = fixture.folder.path().join("text");
    std::fs::write(&text, "this is a text and no database, and it is longer than a header").unwrap();
    let refused = sqlite::open(&SqliteConfig::new(REALM, &text)).await.err().unwrap();
    assert!(matches!(refused, OpenError::NotAJournal { .. }), "{refused}");

    let foreign = fixture.folder.path().join("foreign.sqlite");
    execute(&foreign, "CREATE TABLE something (x)").await;
    let refused = sqlite::open(&SqliteConfig::new(REALM, &foreign)).await.err().unwrap();
    assert!(matches!(refused, OpenError::NotAJournal { .. }), "{refused}");
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_user_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;

    let fixture = Sqlite::start().await;
    let journal = fixture.open().await;
    journal.append(&Writer::new(1).commit(1)).await.unwrap();
    let mut files = 0;
    for entry in std::fs::read_dir(fixture.folder.path()).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
        files += 1;
    }
    assert!(files >= 3, "the file, its log and their index");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_told() {
    let fixture = Sqlite::start().await;
    let file = fixture.folder.path().join("nowhere").join("journal.sqlite");
    let refused = sqlite::open(&SqliteConfig::new(REALM, file)).await.err().unwrap();
    assert!(matches!(refused, OpenError::Unavailable(_)), "{refused}");
}
