//! Statements that insert many rows, and the reading of values.
//!
//! Owns: multi-row `VALUES` in a few fixed sizes, so that a connection's statement cache holds them all.
//! Does not own: which table they go to.
//! Invariant: the rows of one statement have different keys where the statement replaces what is there.

use std::str::FromStr;
use std::sync::Arc;

use paravox_domain::commit::Position;
use paravox_domain::ports::query::Place;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::marks::Marks;
use super::{Args, DbError};

/// The numbers of rows for which there is a statement, largest first.
const SIZES: [usize; 4] = [256, 32, 4, 1];

/// An `INSERT` into one table.
pub(crate) struct Insert {
    columns: usize,
    numbered: [Arc<str>; SIZES.len()],
    plain: [Arc<str>; SIZES.len()],
}

impl Insert {
    /// Into these columns. `conflict` is what follows the values, such as `ON CONFLICT (id) DO NOTHING`.
    pub(crate) fn new(table: &str, columns: &[&str], conflict: &str) -> Self {
        let text = |rows: usize, marks: Marks| {
            let mut all = marks.all(rows * columns.len());
            let values: Vec<String> = (0..rows)
                .map(|_| format!("({})", all.by_ref().take(columns.len()).collect::<Vec<_>>().join(",")))
                .collect();
            let columns = columns.join(",");
            format!("INSERT INTO {table} ({columns}) VALUES {} {conflict}", values.join(",")).into()
        };
        Self {
            columns: columns.len(),
            numbered: SIZES.map(|rows| text(rows, Marks::Numbered)),
            plain: SIZES.map(|rows| text(rows, Marks::Plain)),
        }
    }

    /// Into these columns, replacing all of them but the first ones, which are the key.
    pub(crate) fn upsert(table: &str, key: &[&str], columns: &[&str]) -> Self {
        let all: Vec<&str> = key.iter().chain(columns).copied().collect();
        let set: Vec<String> = columns.iter().map(|column| format!("{column} = excluded.{column}")).collect();
        Self::new(table, &all, &format!("ON CONFLICT ({}) DO UPDATE SET {}", key.join(","), set.join(",")))
    }

    /// Inserts these rows.
    pub(crate) async fn run<R>(
        &self,
        connection: &mut AnyConnection,
        rows: &[R],
        bind: impl Fn(&mut Args, &R),
    ) -> Result<(), DbError> {
        let mut rest = rows;
        let texts = Marks::of(connection).choose(&self.numbered, &self.plain);
        for (text, size) in texts.iter().zip(SIZES) {
            while rest.len() >= size {
                let (now, later) = rest.split_at(size);
                let mut args = Args::with_room(size * self.columns);
                for row in now {
                    bind(&mut args, row);
                }
                sqlx::query_with(AssertSqlSafe(Arc::clone(text)), args.done())
                    .execute(&mut *connection)
                    .await?;
                rest = later;
            }
        }
        Ok(())
    }
}

/// A text column, parsed.
pub(crate) fn parse<T: FromStr>(row: &AnyRow, column: usize, what: &str) -> Result<T, DbError> {
    let text: &str = row.try_get(column)?;
    text.parse().map_err(|_| DbError::damaged(what))
}

/// A text column that may be absent, parsed.
pub(crate) fn parse_opt<T: FromStr>(row: &AnyRow, column: usize, what: &str) -> Result<Option<T>, DbError> {
    opt_text(row, column)?.map(|text| text.parse().map_err(|_| DbError::damaged(what))).transpose()
}

/// A text column that may be absent.
pub(crate) fn opt_text(row: &AnyRow, column: usize) -> Result<Option<String>, DbError> {
    Ok(row.try_get(column)?)
}

/// An integer column.
pub(crate) fn int(row: &AnyRow, column: usize) -> Result<i64, DbError> {
    Ok(row.try_get(column)?)
}

/// Two columns that name a place.
pub(crate) fn place(row: &AnyRow, column: usize) -> Result<Place, DbError> {
    Ok(Place { position: Position(int(row, column)? as u64), index: int(row, column + 1)? as u32 })
}

/// A word of the domain's vocabulary as text.
pub(crate) fn word<T: Serialize>(value: &T) -> Result<String, DbError> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        _ => Err(DbError::damaged("a word of the vocabulary is not a text")),
    }
}

/// Reads a word of the domain's vocabulary.
pub(crate) fn read_word<T: DeserializeOwned>(word: String) -> Result<T, DbError> {
    serde_json::from_value(serde_json::Value::String(word))
        .map_err(|_| DbError::damaged("a stored word is none of the vocabulary"))
}
