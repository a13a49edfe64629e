//! Writes the archive.

use std::sync::LazyLock;

use paravox_domain::commit::{Commit, Position, Recorded, Settled};
use paravox_domain::id::{CommandId, RequestId};
use paravox_domain::ports::Boxed;
use paravox_domain::stored::{StoredEvent, answer_to_json};
use paravox_domain::time::Instant;
use sqlx::AnyConnection;

use super::{ArchiveOptions, COMMANDS_KEPT_MIN, READER};
use crate::db::{Args, DbError, Insert, int};
use crate::reader::{Delivery, Projection};

static EVENTS: LazyLock<Insert> = LazyLock::new(|| {
    Insert::new(
        "event",
        &["position", "idx", "stream", "category", "version", "type", "at", "cause", "correlation", "data"],
        "",
    )
});
static COMMITS: LazyLock<Insert> = LazyLock::new(|| {
    Insert::new(
        "commit_log",
        &["position", "digest", "previous", "epoch", "writer", "commit_id", "at", "settled"],
        "",
    )
});
static COMMANDS: LazyLock<Insert> = LazyLock::new(|| {
    Insert::new(
        "command",
        &["id", "fingerprint", "request", "position", "at", "answer"],
        // Its first answer stays.
        "ON CONFLICT (id) DO NOTHING",
    )
});

/// Writes every event, commit and repeatable command.
#[derive(Debug)]
pub struct ArchiveProjection {
    options: ArchiveOptions,
}

struct EventRow<'a> {
    position: Position,
    index: usize,
    recorded: &'a Recorded,
    kind: &'static str,
    data: String,
}

struct CommandRow<'a> {
    settled: &'a Settled,
    position: Position,
    at: Instant,
    answer: String,
}

impl ArchiveProjection {
    /// An archive that keeps commands for so long.
    pub const fn new(options: ArchiveOptions) -> Self {
        Self { options }
    }
}

async fn store(connection: &mut AnyConnection, batch: &[Delivery]) -> Result<(), DbError> {
    let mut commits = Vec::with_capacity(batch.len());
    let mut events = Vec::new();
    let mut commands = Vec::new();
    for delivery in batch {
        let commit = &delivery.commit;
        commits.push((commit, settled_json(commit)?));
        for (index, recorded) in commit.events.iter().enumerate() {
            let stored = StoredEvent::of(&recorded.event);
            let data = serde_json::to_string(&stored).map_err(not_json)?;
            let kind = stored.type_name();
            events.push(EventRow { position: commit.header.position, index, recorded, kind, data });
        }
        for settled in commit.settles.iter().filter(|settled| settled.repeatable) {
            let answer = answer_to_json(&settled.answer).map_err(not_json)?;
            let (position, at) = (commit.header.position, commit.header.at);
            commands.push(CommandRow { settled, position, at, answer });
        }
    }
    EVENTS
        .run(connection, &events, |args, row| {
            let EventRow { position, index, recorded, kind, data } = row;
            args.count(position.0).int(*index as i64).text(recorded.entity).text(recorded.entity.category());
            args.count(recorded.version.0).text(kind).int(recorded.at.0);
            args.opt_int(recorded.cause.map(i64::from)).opt_text(recorded.correlation).text(data);
        })
        .await?;
    COMMITS
        .run(connection, &commits, |args, (commit, settled)| {
            let header = &commit.header;
            args.count(header.position.0).text(commit.digest).text(header.previous).count(header.epoch);
            args.text(header.writer).text(header.commit).int(header.at.0).text(settled);
        })
        .await?;
    COMMANDS
        .run(connection, &commands, |args, row| {
            let Settled { command, fingerprint, request, .. } = row.settled;
            // The bits of the fingerprint; the sign means nothing.
            args.text(command).count(*fingerprint).text(request).count(row.position.0).int(row.at.0);
            args.text(&row.answer);
        })
        .await
}

/// Each settled command with its request, in the order to which an event's cause refers.
fn settled_json(commit: &Commit) -> Result<String, DbError> {
    let pairs: Vec<(CommandId, RequestId)> =
        commit.settles.iter().map(|settled| (settled.command, settled.request)).collect();
    serde_json::to_string(&pairs).map_err(not_json)
}

fn not_json(_: serde_json::Error) -> DbError {
    DbError::damaged("an event or answer cannot be written as JSON")
}

/// Removes commands that were settled long enough ago.
async fn remove_commands(connection: &mut AnyConnection, before: Instant, step: u32) -> Result<u64, DbError> {
    let mut args = Args::new();
    args.int(before.0);
    let found = sqlx::query_with(
        "SELECT position FROM commit_log WHERE at < $1 ORDER BY at DESC, position DESC LIMIT 1",
        args.done(),
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(last) = found.map(|row| int(&row, 0)).transpose()? else { return Ok(0) };
    let mut args = Args::new();
    args.int(last).int(i64::from(step));
    let done = sqlx::query_with(
        "DELETE FROM command WHERE id IN (SELECT id FROM command WHERE position <= $1 ORDER BY position LIMIT $2)",
        args.done(),
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

impl Projection for ArchiveProjection {
    fn name(&self) -> &'static str {
        READER
    }

    fn apply<'a>(
        &'a mut self,
        connection: &'a mut AnyConnection,
        batch: &'a [Delivery],
    ) -> Boxed<'a, Result<(), DbError>> {
        Box::pin(store(connection, batch))
    }

    fn clean<'a>(
        &'a mut self,
        connection: &'a mut AnyConnection,
        now: Instant,
    ) -> Boxed<'a, Result<u64, DbError>> {
        let before = now - self.options.commands_kept.max(COMMANDS_KEPT_MIN);
        Box::pin(remove_commands(connection, before, self.options.clean_step))
    }
}
