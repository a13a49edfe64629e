//! The outbox: registrations whose code is to be sent.
//!
//! Built again from the first commit, it holds every registration once more; those that have expired are not sent, and the
//! others have the same key as before.

use std::sync::{Arc, LazyLock};

use paravox_domain::entity::EntityId;
use paravox_domain::event::Event;
use paravox_domain::id::RegistrationId;
use paravox_domain::identity::{E164, Identity};
use paravox_domain::ports::Boxed;
use paravox_domain::registration::Event as RegistrationEvent;
use paravox_domain::time::{Instant, Span};
use sqlx::AnyConnection;
use tokio::sync::Notify;

use super::READER;
use crate::db::{Args, DbError, Insert, ListSelect};
use crate::reader::{Delivery, Projection};

/// How long a row stays after its registration has expired, for whoever looks into what happened.
const KEPT: Span = Span::seconds(3600);
/// The most rows that one step of cleaning removes.
const CLEAN_STEP: i64 = 500;

static WAITING: LazyLock<Insert> = LazyLock::new(|| {
    Insert::new(
        "sms_outbox",
        &["registration", "number", "expires_at", "tries", "due_at", "state"],
        "ON CONFLICT (registration) DO NOTHING",
    )
});
static PROVEN: LazyLock<ListSelect> =
    LazyLock::new(|| ListSelect::new("DELETE FROM sms_outbox WHERE registration IN ({})"));

/// Fills the outbox.
#[derive(Debug)]
pub struct SmsOutbox {
    news: Arc<Notify>,
    added: bool,
}

impl SmsOutbox {
    /// An outbox that wakes whoever waits for `news` when it has something.
    pub(super) const fn new(news: Arc<Notify>) -> Self {
        Self { news, added: false }
    }

    async fn store(&mut self, connection: &mut AnyConnection, batch: &[Delivery]) -> Result<(), DbError> {
        let mut started: Vec<(RegistrationId, E164, Instant, Instant)> = Vec::new();
        let mut proven: Vec<RegistrationId> = Vec::new();
        for recorded in batch.iter().flat_map(|delivery| &delivery.commit.events) {
            match (recorded.entity, &recorded.event) {
                (
                    EntityId::Registration(id),
                    Event::Registration(RegistrationEvent::Started {
                        identity: Identity::Number(number),
                        expires,
                        ..
                    }),
                ) => started.push((id, *number, *expires, recorded.at)),
                (EntityId::Registration(id), Event::Registration(RegistrationEvent::Proven(_))) => {
                    proven.push(id);
                }
                _ => {}
            }
        }
        WAITING
            .run(connection, &started, |args, (id, number, expires, at)| {
                args.text(id).text(number).int(expires.0).int(0).int(at.0).text("waiting");
            })
            .await?;
        PROVEN.fetch(connection, &proven).await?;
        self.added = !started.is_empty();
        Ok(())
    }
}

async fn remove_expired(connection: &mut AnyConnection, before: Instant) -> Result<u64, DbError> {
    let mut args = Args::new();
    args.int(before.0).int(CLEAN_STEP);
    let done = sqlx::query_with(
        "DELETE FROM sms_outbox WHERE registration IN \
         (SELECT registration FROM sms_outbox WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
        args.done(),
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

impl Projection for SmsOutbox {
    fn name(&self) -> &'static str {
        READER
    }

    fn apply<'a>(
        &'a mut self,
        connection: &'a mut AnyConnection,
        batch: &'a [Delivery],
    ) -> Boxed<'a, Result<(), DbError>> {
        Box::pin(self.store(connection, batch))
    }

    fn committed(&mut self) {
        if std::mem::take(&mut self.added) {
            self.news.notify_one();
        }
    }

    fn clean<'a>(
        &'a mut self,
        connection: &'a mut AnyConnection,
        now: Instant,
    ) -> Boxed<'a, Result<u64, DbError>> {
        Box::pin(remove_expired(connection, now - KEPT))
    }
}
