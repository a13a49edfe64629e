//! Positions: how far each reader has got.
//!
//! Owns: the table `reader`, and the compare-and-set by which a position moves.
//! Invariant: a position moves only from the one that its reader knows; whoever finds another one stands back.

use std::collections::BTreeMap;

use paravox_domain::commit::Position;
use paravox_domain::commit::chain::Link;
use sqlx::AnyConnection;
use sqlx::Row as _;

use crate::db::{Args, Db, DbError};

/// Where readers stand, by name. A reader that is not there stands at the start.
pub(crate) type Standing = BTreeMap<String, Link>;

/// Where all readers stand.
pub(crate) async fn standing(db: &Db) -> Result<Standing, DbError> {
    let rows = sqlx::query("SELECT name, position, digest FROM reader").fetch_all(db.reads()).await?;
    rows.iter()
        .map(|row| {
            let digest: &str = row.try_get(2)?;
            let digest =
                digest.parse().map_err(|_| DbError::damaged("a reader's digest has another form"))?;
            let position = Position(row.try_get::<i64, _>(1)? as u64);
            Ok((row.try_get(0)?, Link { position, digest }))
        })
        .collect()
}

/// Moves a reader's position from where it stands to where it will stand when the transaction commits.
/// [`DbError::Superseded`] if it stands elsewhere.
pub(crate) async fn advance(
    connection: &mut AnyConnection,
    reader: &str,
    from: Position,
    to: Link,
) -> Result<(), DbError> {
    let mut args = Args::new();
    args.count(to.position.0).text(to.digest).text(reader).count(from.0);
    let moved = sqlx::query_with(
        "UPDATE reader SET position = $1, digest = $2 WHERE name = $3 AND position = $4",
        args.done(),
    )
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if moved == 1 {
        return Ok(());
    }
    if from == Position::START {
        let mut args = Args::new();
        args.text(reader).count(to.position.0).text(to.digest);
        let made = sqlx::query_with(
            "INSERT INTO reader (name, position, digest) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
            args.done(),
        )
        .execute(&mut *connection)
        .await?
        .rows_affected();
        if made == 1 {
            return Ok(());
        }
    }
    Err(DbError::Superseded)
}
