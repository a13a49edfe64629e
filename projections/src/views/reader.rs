//! Answers to `ports::query::Views`.
//!
//! Owns: waiting for a position (reading one's own writes).
//! Invariant: nothing is found that is not the asking party's; only `device` is for edges that check a credential.
//! Time: the runtime's clock, for the limit on waiting.

use std::time::Duration;

use paravox_domain::commit::Position;
use paravox_domain::id::{CallId, DeviceId, PartyId, SessionId};
use paravox_domain::ports::Boxed;
use paravox_domain::ports::query::{
    CallView, DeviceView, Listing, MessageView, Page, PartyView, QueryError, SessionView, Views,
};
use paravox_domain::time::{Instant, Span};
use sqlx::Row as _;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, SqlSafeStr};
use tokio::sync::watch;

use super::READER;
use super::queries::{self, call_view, last_message, listing, message_view, page_args, session_view};
use crate::db::{Args, Db, DbError, int, opt_text, parse, read_word};
use crate::reader::{Activity, RunnerStatus};

/// How often the stored position is looked at while the runner is in another process.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The read models. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ViewsReader {
    db: Db,
    status: watch::Receiver<RunnerStatus>,
}

impl ViewsReader {
    /// Reads from this database, which a runner with this status fills.
    pub const fn new(db: Db, status: watch::Receiver<RunnerStatus>) -> Self {
        Self { db, status }
    }

    async fn fetch(&self, text: impl SqlSafeStr, mut args: Args) -> Result<Vec<AnyRow>, QueryError> {
        if let Activity::Stopped { detail } = &self.status.borrow().activity {
            return Err(QueryError::Stopped(detail.clone()));
        }
        let rows = sqlx::query_with(text, args.done()).fetch_all(self.db.reads()).await;
        Ok(rows.map_err(DbError::from)?)
    }

    async fn wait(&self, position: Position) -> bool {
        let mut status = self.status.clone();
        loop {
            {
                let now = status.borrow_and_update();
                if now.position(READER) >= position {
                    return true;
                }
                if matches!(now.activity, Activity::Stopped { .. }) {
                    return false;
                }
            }
            let passive = !matches!(status.borrow().activity, Activity::Active);
            if passive {
                // Another process applies, and does not tell this one.
                if self.stored_position().await.is_ok_and(|stored| stored >= position) {
                    return true;
                }
                let _ = tokio::time::timeout(LOOK_EVERY, status.changed()).await;
            } else if status.changed().await.is_err() {
                return false;
            }
        }
    }

    async fn stored_position(&self) -> Result<Position, DbError> {
        let mut args = Args::new();
        args.text(READER);
        let row = sqlx::query_with("SELECT position FROM reader WHERE name = $1", args.done())
            .fetch_optional(self.db.reads())
            .await?;
        row.map_or(Ok(Position::START), |row| Ok(Position(int(&row, 0)? as u64)))
    }

    async fn session_row(&self, of: PartyId, session: SessionId) -> Result<Option<AnyRow>, QueryError> {
        let mut args = Args::new();
        args.text(of).text(session);
        let rows = self.fetch(AssertSqlSafe(queries::SESSION.as_str()), args).await?;
        Ok(rows.into_iter().next())
    }
}

fn device_view(row: &AnyRow) -> Result<DeviceView, DbError> {
    Ok(DeviceView {
        device: parse(row, 0, "the id of a device has another form")?,
        party: parse(row, 1, "the party of a device has another form")?,
        name: row.try_get(2)?,
        kind: read_word(row.try_get(3)?)?,
        enrolled: Instant(int(row, 4)?),
        revoked: opt_text(row, 5)?.map(read_word).transpose()?,
    })
}

impl Views for ViewsReader {
    fn wait_for(&self, position: Position, limit: Span) -> Boxed<'_, bool> {
        let limit = Duration::from_micros(limit.micros().max(0) as u64);
        Box::pin(async move { tokio::time::timeout(limit, self.wait(position)).await.unwrap_or(false) })
    }

    fn calls(&self, of: PartyId, page: Page) -> Boxed<'_, Result<Listing<CallView>, QueryError>> {
        Box::pin(async move {
            let rows = self.fetch(AssertSqlSafe(queries::CALLS.as_str()), page_args(&of, page)).await?;
            Ok(listing(&rows, page, call_view)?)
        })
    }

    fn call(&self, of: PartyId, call: CallId) -> Boxed<'_, Result<Option<CallView>, QueryError>> {
        Box::pin(async move {
            let mut args = Args::new();
            args.text(of).text(call);
            let rows = self.fetch(AssertSqlSafe(queries::CALL.as_str()), args).await?;
            Ok(rows.first().map(call_view).transpose()?)
        })
    }

    fn sessions(
        &self,
        of: PartyId,
        open_only: bool,
        page: Page,
    ) -> Boxed<'_, Result<Listing<SessionView>, QueryError>> {
        Box::pin(async move {
            let text = if open_only { &*queries::OPEN_SESSIONS } else { &*queries::SESSIONS };
            let rows = self.fetch(AssertSqlSafe(text.as_str()), page_args(&of, page)).await?;
            Ok(listing(&rows, page, |row| session_view(row, of))?)
        })
    }

    fn session(&self, of: PartyId, session: SessionId) -> Boxed<'_, Result<Option<SessionView>, QueryError>> {
        Box::pin(async move {
            let row = self.session_row(of, session).await?;
            Ok(row.map(|row| session_view(&row, of)).transpose()?)
        })
    }

    fn messages(
        &self,
        of: PartyId,
        session: SessionId,
        page: Page,
    ) -> Boxed<'_, Result<Option<Listing<MessageView>>, QueryError>> {
        Box::pin(async move {
            let Some(row) = self.session_row(of, session).await? else { return Ok(None) };
            let mut args = page_args(&session, page);
            args.count(last_message(&row, of)?);
            let rows = self.fetch(queries::MESSAGES, args).await?;
            Ok(Some(listing(&rows, page, message_view)?))
        })
    }

    fn devices(&self, of: PartyId) -> Boxed<'_, Result<Vec<DeviceView>, QueryError>> {
        Box::pin(async move {
            let mut args = Args::new();
            args.text(of);
            let text = "SELECT id, party, name, kind, enrolled_at, revoked FROM view_device WHERE party = $1 \
                        ORDER BY position, idx";
            let rows = self.fetch(text, args).await?;
            Ok(rows.iter().map(device_view).collect::<Result<_, _>>()?)
        })
    }

    fn device(&self, device: DeviceId) -> Boxed<'_, Result<Option<DeviceView>, QueryError>> {
        Box::pin(async move {
            let mut args = Args::new();
            args.text(device);
            let text = "SELECT id, party, name, kind, enrolled_at, revoked FROM view_device WHERE id = $1";
            let rows = self.fetch(text, args).await?;
            Ok(rows.first().map(device_view).transpose()?)
        })
    }

    fn party(&self, of: PartyId) -> Boxed<'_, Result<Option<PartyView>, QueryError>> {
        Box::pin(async move {
            let mut args = Args::new();
            args.text(of);
            let text = "SELECT identity FROM view_identity WHERE party = $1 ORDER BY position, idx";
            let rows = self.fetch(text, args).await?;
            let identities = rows
                .iter()
                .map(|row| row.try_get(0))
                .collect::<Result<Vec<String>, _>>()
                .map_err(DbError::from)?;
            Ok((!identities.is_empty()).then_some(PartyView { party: of, identities }))
        })
    }
}
