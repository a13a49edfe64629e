//! Commits as the archive has them, for readers that are behind what the journal still holds.
//!
//! Owns: putting a commit together again from its rows.
//! Does not own: the check of the chain (the source makes it, by header and digest).
//! Invariant: header, digest and events are those that were applied. Of its commands an archived commit tells id and
//! request; their answers are not needed by any reader but the archive itself.

use std::collections::BTreeMap;

use paravox_domain::answer::Answer;
use paravox_domain::commit::{Commit, Header, Position, Recorded, Settled, Version};
use paravox_domain::entity::EntityId;
use paravox_domain::id::{CommandId, RequestId};
use paravox_domain::stored::{event_from_json, fits};
use paravox_domain::time::Instant;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::db::{Args, Db, DbError, int, parse, parse_opt};

/// The commits after a position, at most so many.
pub(crate) async fn archived_commits(db: &Db, after: Position, max: usize) -> Result<Vec<Commit>, DbError> {
    let last = after.0 as i64 + max as i64;
    let mut args = Args::new();
    args.count(after.0).int(last);
    let rows = sqlx::query_with(
        "SELECT position, digest, previous, epoch, writer, commit_id, at, settled FROM commit_log \
         WHERE position > $1 AND position <= $2 ORDER BY position",
        args.done(),
    )
    .fetch_all(db.reads())
    .await?;
    let mut args = Args::new();
    args.count(after.0).int(last);
    let events = sqlx::query_with(
        "SELECT position, idx, stream, version, at, cause, correlation, data FROM event \
         WHERE position > $1 AND position <= $2 ORDER BY position, idx",
        args.done(),
    )
    .fetch_all(db.reads())
    .await?;
    let mut of: BTreeMap<Position, Vec<Recorded>> = BTreeMap::new();
    for row in &events {
        let (position, recorded) = event(row).map_err(|(_, error)| error)?;
        of.entry(position).or_default().push(recorded);
    }
    rows.iter().map(|row| commit(db, row, &mut of)).collect()
}

fn commit(db: &Db, row: &AnyRow, events: &mut BTreeMap<Position, Vec<Recorded>>) -> Result<Commit, DbError> {
    let position = Position(int(row, 0)? as u64);
    let settled: Vec<(CommandId, RequestId)> = serde_json::from_str(row.try_get(7)?)
        .map_err(|_| DbError::damaged("the commands of an archived commit have another form"))?;
    let settles = settled
        .into_iter()
        .map(|(command, request)| Settled {
            command,
            repeatable: false,
            fingerprint: 0,
            request,
            answer: Answer::Done,
        })
        .collect();
    Ok(Commit {
        header: Header {
            realm: db.realm().to_owned(),
            position,
            previous: parse(row, 2, "the digest of an archived commit has another form")?,
            epoch: int(row, 3)? as u64,
            writer: parse(row, 4, "the writer of an archived commit has another form")?,
            commit: parse(row, 5, "the id of an archived commit has another form")?,
            at: Instant(int(row, 6)?),
        },
        digest: parse(row, 1, "the digest of an archived commit has another form")?,
        settles,
        events: events.remove(&position).unwrap_or_default(),
    })
}

/// Reads an event's row. An error names the stream, if that could be read.
pub(super) fn event(row: &AnyRow) -> Result<(Position, Recorded), (Option<EntityId>, DbError)> {
    let stream: EntityId =
        parse(row, 2, "the name of a stream has another form").map_err(|error| (None, error))?;
    let read = || -> Result<(Position, Recorded), DbError> {
        let event = event_from_json(row.try_get(7)?)
            .map_err(|_| DbError::damaged("its data are not those of a known event"))?;
        if !fits(stream, &event) {
            return Err(DbError::damaged("it stands in a stream of another category"));
        }
        let recorded = Recorded {
            entity: stream,
            version: Version(int(row, 3)? as u64),
            at: Instant(int(row, 4)?),
            cause: row.try_get::<Option<i64>, _>(5)?.map(|cause| cause as u32),
            correlation: parse_opt(row, 6, "its call's id has another form")?,
            event,
        };
        Ok((Position(int(row, 0)? as u64), recorded))
    };
    read().map_err(|error| (Some(stream), error))
}
