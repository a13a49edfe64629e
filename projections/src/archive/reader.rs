//! Reads the archive for the writer: entities that are not resident, and commands that were settled before.
//!
//! Owns: `ports::Archive`.
//! Invariant: what it hands out of an entity is what was applied, in the order of the journal.

use std::sync::LazyLock;

use paravox_domain::commit::{Position, Recorded, Settled};
use paravox_domain::entity::EntityId;
use paravox_domain::id::CommandId;
use paravox_domain::ports::{Archive, ArchiveError, Boxed};
use paravox_domain::stored::answer_from_json;
use paravox_domain::time::Instant;
use sqlx::Row as _;

use super::READER;
use super::commits::event;
use crate::db::{Args, Db, DbError, ListSelect, int, parse};

/// Commands of one page of [`Archive::settled_since`], at least, as long as there are so many. A commit is never divided.
const PAGE: i64 = 10_000;

static STREAMS: LazyLock<ListSelect> = LazyLock::new(|| {
    ListSelect::new(
        "SELECT position, idx, stream, version, at, cause, correlation, data FROM event WHERE stream IN ({}) \
         ORDER BY position, idx",
    )
});
static LAST_EVENTS: LazyLock<ListSelect> = LazyLock::new(|| {
    ListSelect::new(
        "SELECT e.position, e.idx, e.stream, e.version, e.at, e.cause, e.correlation, e.data FROM event e \
         WHERE e.stream IN ({}) AND e.version = (SELECT MAX(l.version) FROM event l WHERE l.stream = e.stream) \
         ORDER BY e.position, e.idx",
    )
});

/// The archive, for reading. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ArchiveReader {
    pub(super) db: Db,
}

impl ArchiveReader {
    /// Reads from this database.
    pub const fn new(db: Db) -> Self {
        Self { db }
    }

    async fn events(&self, entities: &[EntityId]) -> Result<Vec<(Position, Recorded)>, ArchiveError> {
        let (last, all): (Vec<EntityId>, Vec<EntityId>) =
            entities.iter().copied().partition(|entity| entity.last_event_suffices());
        let mut connection = self.db.reads().acquire().await.map_err(unavailable)?;
        let mut rows = STREAMS.fetch(&mut connection, &all).await.map_err(unavailable)?;
        rows.extend(LAST_EVENTS.fetch(&mut connection, &last).await.map_err(unavailable)?);
        drop(connection);
        let mut events = Vec::with_capacity(rows.len());
        for row in &rows {
            let index = int(row, 1).map_err(unavailable)?;
            let (position, recorded) = event(row).map_err(|(stream, error)| match (stream, error) {
                (Some(stream), DbError::Damaged(detail)) => ArchiveError::Damaged { stream, detail },
                (_, error) => unavailable(error),
            })?;
            events.push((position, index, recorded));
        }
        events.sort_by_key(|(position, index, _)| (*position, *index));
        Ok(events.into_iter().map(|(position, _, recorded)| (position, recorded)).collect())
    }

    async fn command(&self, command: CommandId) -> Result<Option<Settled>, DbError> {
        let mut args = Args::new();
        args.text(command);
        let row =
            sqlx::query_with("SELECT fingerprint, request, answer FROM command WHERE id = $1", args.done())
                .fetch_optional(self.db.reads())
                .await?;
        let Some(row) = row else { return Ok(None) };
        let answer = answer_from_json(row.try_get(2)?)
            .map_err(|_| DbError::damaged("the answer to a command has another form"))?;
        Ok(Some(Settled {
            command,
            repeatable: true,
            fingerprint: int(&row, 0)? as u64,
            request: parse(&row, 1, "the request of a command has another form")?,
            answer,
        }))
    }

    async fn commands_since(
        &self,
        since: Instant,
        cursor: Option<Position>,
    ) -> Result<(Vec<CommandId>, Option<Position>), DbError> {
        let reads = self.db.reads();
        let after = if let Some(cursor) = cursor {
            cursor.0 as i64
        } else {
            let mut args = Args::new();
            args.int(since.0);
            let first = sqlx::query_with(
                "SELECT position FROM commit_log WHERE at >= $1 ORDER BY at, position LIMIT 1",
                args.done(),
            )
            .fetch_optional(reads)
            .await?;
            match first {
                Some(row) => int(&row, 0)? - 1,
                None => return Ok((Vec::new(), None)),
            }
        };
        let mut args = Args::new();
        args.int(after).int(PAGE - 1);
        let end = sqlx::query_with(
            "SELECT position FROM command WHERE position > $1 ORDER BY position LIMIT 1 OFFSET $2",
            args.done(),
        )
        .fetch_optional(reads)
        .await?
        .map(|row| int(&row, 0))
        .transpose()?;
        let mut args = Args::new();
        args.int(after).int(end.unwrap_or(i64::MAX));
        let rows = sqlx::query_with(
            "SELECT id FROM command WHERE position > $1 AND position <= $2 ORDER BY position",
            args.done(),
        )
        .fetch_all(reads)
        .await?;
        let ids = rows
            .iter()
            .map(|row| parse(row, 0, "the id of a command has another form"))
            .collect::<Result<_, _>>()?;
        Ok((ids, end.map(|end| Position(end as u64))))
    }

    async fn position(&self) -> Result<Position, DbError> {
        let mut args = Args::new();
        args.text(READER);
        let row = sqlx::query_with("SELECT position FROM reader WHERE name = $1", args.done())
            .fetch_optional(self.db.reads())
            .await?;
        row.map_or(Ok(Position::START), |row| Ok(Position(int(&row, 0)? as u64)))
    }
}

fn unavailable(error: impl Into<DbError>) -> ArchiveError {
    ArchiveError::Unavailable(Box::new(error.into()))
}

impl Archive for ArchiveReader {
    fn hydrate<'a>(
        &'a self,
        entities: &'a [EntityId],
    ) -> Boxed<'a, Result<Vec<(Position, Recorded)>, ArchiveError>> {
        Box::pin(self.events(entities))
    }

    fn settled(&self, command: CommandId) -> Boxed<'_, Result<Option<Settled>, ArchiveError>> {
        Box::pin(async move { self.command(command).await.map_err(unavailable) })
    }

    fn settled_since(
        &self,
        since: Instant,
        cursor: Option<Position>,
    ) -> Boxed<'_, Result<(Vec<CommandId>, Option<Position>), ArchiveError>> {
        Box::pin(async move { self.commands_since(since, cursor).await.map_err(unavailable) })
    }

    fn confirmed(&self) -> Boxed<'_, Result<Position, ArchiveError>> {
        Box::pin(async move { self.position().await.map_err(unavailable) })
    }
}
