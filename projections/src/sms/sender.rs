//! Works the outbox off.
//!
//! Owns: claiming a message, so that one process sends it; when to try again.
//! Invariant: a claim is a compare-and-set; one that is not followed by an outcome ends by itself.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _};
use paravox_domain::id::RegistrationId;
use paravox_domain::identity::E164;
use paravox_domain::ports::{Clock, Sms, SmsError};
use paravox_domain::registration::Codes;
use paravox_domain::time::{Instant, Span};
use sqlx::Row as _;
use sqlx::any::{AnyArguments, AnyRow};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{SmsOptions, SmsOutbox};
use crate::db::{Args, Db, DbError, int, parse};
use crate::reader::TaskHandle;

/// How much longer than the service may take a claim lasts.
const CLAIM_MARGIN: Span = Span::seconds(5);

/// Sends what the outbox holds.
pub struct SmsSender {
    db: Db,
    sms: Arc<dyn Sms>,
    codes: Codes,
    clock: Arc<dyn Clock>,
    options: SmsOptions,
    news: Arc<Notify>,
}

/// A message that is due.
struct Due {
    registration: RegistrationId,
    number: E164,
    tries: u32,
    at: Instant,
}

impl SmsSender {
    /// Sends by this service.
    pub fn new(db: Db, sms: Arc<dyn Sms>, codes: Codes, clock: Arc<dyn Clock>, options: SmsOptions) -> Self {
        Self { db, sms, codes, clock, options, news: Arc::default() }
    }

    /// The projection that fills the outbox and wakes this sender, for the runner.
    pub fn outbox(&self) -> SmsOutbox {
        SmsOutbox::new(Arc::clone(&self.news))
    }

    /// Starts.
    pub fn start(self) -> TaskHandle {
        TaskHandle::start("codes by SMS", |stop| self.run(stop))
    }

    async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.work().await {
                // There may be more than one round takes.
                Ok(worked) if worked >= self.options.at_once => continue,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "the outbox of short messages cannot be read; trying again");
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.news.notified() => {}
                () = tokio::time::sleep(self.options.look_every) => {}
            }
        }
    }

    /// Sends what is due, at most so many; how many there were.
    async fn work(&self) -> Result<usize, DbError> {
        let now = self.clock.now();
        let mut args = Args::new();
        args.int(now.0).int(self.options.at_once.max(1) as i64);
        let rows = sqlx::query_with(
            "SELECT registration, number, tries, due_at FROM sms_outbox \
             WHERE state = 'waiting' AND due_at <= $1 AND expires_at > $1 ORDER BY due_at LIMIT $2",
            args.done(),
        )
        .fetch_all(self.db.reads())
        .await?;
        let due = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let found = due.len();
        stream::iter(due)
            .for_each_concurrent(None, async |due| {
                if let Err(error) = self.send(due).await {
                    tracing::warn!(%error, "the outcome of a short message cannot be stored; it may be tried again");
                }
            })
            .await;
        Ok(found)
    }

    async fn send(&self, due: Due) -> Result<(), DbError> {
        let now = self.clock.now();
        let takes = Span(self.options.send_within.as_micros() as i64);
        let mut args = Args::new();
        args.text(due.registration).int(due.at.0).int((now + takes + CLAIM_MARGIN).0);
        let claimed = self
            .change(
                "UPDATE sms_outbox SET tries = tries + 1, due_at = $3 \
                 WHERE registration = $1 AND due_at = $2 AND state = 'waiting'",
                args.done(),
            )
            .await?;
        if claimed == 0 {
            return Ok(());
        }
        let key = due.registration.to_string();
        let text = format!("Your Paravox code is {}. Tell it to nobody.", self.codes.code(due.registration));
        let sending = self.sms.send(&key, due.number, &text);
        let outcome = match tokio::time::timeout(self.options.send_within, sending).await {
            Ok(outcome) => outcome,
            Err(late) => Err(SmsError::Unavailable(Box::new(late))),
        };
        match outcome {
            Ok(()) => self.done(&due, "sent").await,
            Err(SmsError::Unavailable(cause)) if due.tries + 1 < self.options.tries_max => {
                tracing::warn!(%cause, registration = %due.registration, "a code was not sent; trying again");
                count("tried_again");
                let mut args = Args::new();
                args.text(due.registration).int((self.clock.now() + self.pause(due.tries)).0);
                let text = "UPDATE sms_outbox SET due_at = $2 WHERE registration = $1 AND state = 'waiting'";
                self.change(text, args.done()).await.map(|_| ())
            }
            Err(error) => {
                tracing::error!(%error, registration = %due.registration, "a code was given up");
                self.done(&due, "given_up").await
            }
        }
    }

    /// The pause after so many earlier failures.
    fn pause(&self, failures: u32) -> Span {
        let doubled = self.options.pause_first.micros().saturating_mul(1 << failures.min(20));
        Span(doubled.min(self.options.pause_longest.micros()))
    }

    /// Notes the end of a message. The number is needed no longer.
    async fn done(&self, due: &Due, state: &'static str) -> Result<(), DbError> {
        count(state);
        let mut args = Args::new();
        args.text(due.registration).text(state);
        self.change("UPDATE sms_outbox SET state = $2, number = '' WHERE registration = $1", args.done())
            .await
            .map(|_| ())
    }

    async fn change(&self, text: &'static str, args: AnyArguments) -> Result<u64, DbError> {
        let mut transaction = self.db.begin().await?;
        let done = sqlx::query_with(text, args).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(done.rows_affected())
    }
}

fn count(result: &'static str) {
    metrics::counter!("paravox_sms_codes_total", "result" => result).increment(1);
}

fn read(row: &AnyRow) -> Result<Due, DbError> {
    let number: &str = row.try_get(1)?;
    Ok(Due {
        registration: parse(row, 0, "the registration of a short message has another form")?,
        number: E164::parse(number)
            .map_err(|_| DbError::damaged("the number of a short message has another form"))?,
        tries: int(row, 2)? as u32,
        at: Instant(int(row, 3)?),
    })
}
