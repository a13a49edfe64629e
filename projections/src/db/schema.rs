//! The tables, and the marker that says whose they are and of which version.
//!
//! Owns: every table's definition, and the upgrade from one version to the next.
//! Does not own: what stands in the tables (each projection).
//! Invariant: data of a later version or of another realm are not touched.

use sqlx::AnyPool;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::values::int;
use super::{Args, DbError, Engine, OpenError};

/// The version of the tables that this program writes.
pub const SCHEMA_VERSION: i64 = 1;

/// Keeps two processes from making the tables at the same time (PostgreSQL).
const ONE_AT_A_TIME: &str = "SELECT pg_advisory_xact_lock(8206411)";

/// The tables that are a function of the journal, each with the columns of its key: for comparing two databases. The
/// outbox of short messages is none: it also says what was sent.
const TABLES: &[(&str, &str)] = &[
    ("event", "position, idx"),
    ("commit_log", "position"),
    ("command", "id"),
    ("view_call", "id"),
    ("view_call_party", "party, position, idx, call"),
    ("view_session", "id"),
    ("view_session_party", "party, position, idx, session"),
    ("view_session_open", "party, position, idx, session"),
    ("view_message", "session, position, idx"),
    ("view_device", "id"),
    ("view_identity", "party, position, idx"),
    ("feed_item", "device, number"),
    ("feed_head", "device"),
];

/// Version 1. `{clustered}` stands for `WITHOUT ROWID` where the database has it.
const V1: &str = include_str!("v1.sql");

/// Makes or upgrades the tables, and checks whose they are.
pub(super) async fn prepare(pool: &AnyPool, engine: Engine, realm: &str) -> Result<(), OpenError> {
    let begin = if engine == Engine::Sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" };
    let mut transaction = pool.begin_with(begin).await?;
    if engine == Engine::Postgres {
        sqlx::raw_sql(ONE_AT_A_TIME).execute(&mut *transaction).await?;
    }
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS marker (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
        .execute(&mut *transaction)
        .await?;
    let rows = sqlx::query("SELECT name, value FROM marker").fetch_all(&mut *transaction).await?;
    let mut version = 0;
    let mut found_realm = None;
    for row in rows {
        let (name, value): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        match name.as_str() {
            "version" => version = value.parse().map_err(|_| OpenError::Marker)?,
            "realm" => found_realm = Some(value),
            _ => {}
        }
    }
    if version > SCHEMA_VERSION {
        return Err(OpenError::newer(version));
    }
    match found_realm {
        Some(found) if found != realm => {
            return Err(OpenError::OtherRealm { found, expected: realm.to_owned() });
        }
        Some(_) => {}
        None => set_marker(&mut transaction, "realm", realm).await?,
    }
    if version < 1 {
        let clustered = if engine == Engine::Sqlite { "WITHOUT ROWID" } else { "" };
        let text = V1.replace("{clustered}", clustered);
        sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut *transaction).await?;
    }
    if version < SCHEMA_VERSION {
        set_marker(&mut transaction, "version", &SCHEMA_VERSION.to_string()).await?;
    }
    transaction.commit().await?;
    Ok(())
}

async fn set_marker(connection: &mut sqlx::AnyConnection, name: &str, value: &str) -> Result<(), OpenError> {
    let mut args = Args::new();
    args.text(name).text(value);
    sqlx::query_with(
        "INSERT INTO marker (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        args.done(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Every row of every table that a projection writes, in the order of the keys.
pub(super) async fn dump(pool: &AnyPool) -> Result<Vec<String>, DbError> {
    let mut lines = Vec::new();
    for (table, key) in TABLES {
        let text = format!("SELECT * FROM {table} ORDER BY {key}");
        let rows = sqlx::query(AssertSqlSafe(text)).fetch_all(pool).await?;
        for row in rows {
            lines.push(line(table, &row));
        }
    }
    Ok(lines)
}

fn line(table: &str, row: &AnyRow) -> String {
    let mut line = table.to_owned();
    for column in 0..row.len() {
        line.push_str(" | ");
        match row.try_get::<Option<String>, _>(column) {
            Ok(Some(text)) => line.push_str(&text),
            Ok(None) => line.push('-'),
            Err(_) => {
                line.push_str(&int(row, column).map_or_else(|_| "?".to_owned(), |value| value.to_string()));
            }
        }
    }
    line
}
