//! Waking followers by PostgreSQL's notifications.
//!
//! Owns: one task that listens on the realm's channel and outlives lost connections.
//! Does not own: the truth: a notification says only that there is something to read.
//! Invariant: the task ends with the value.

use std::sync::Arc;
use std::time::Duration;

use paravox_domain::commit::Position;
use sqlx::postgres::{PgListener, PgPool};
use tokio::task::JoinHandle;

use crate::tail::Tail;

const RETRY_REST: Duration = Duration::from_millis(200);

/// The task.
#[derive(Debug)]
pub(super) struct Listening {
    task: JoinHandle<()>,
}

impl Listening {
    pub(super) fn start(pool: PgPool, channel: String, tail: Arc<Tail>) -> Self {
        let task = tokio::spawn(async move {
            loop {
                if let Err(error) = listen(&pool, &channel, &tail).await {
                    tracing::debug!(%error, "the listener for appends lost its connection");
                }
                // What was notified meanwhile is lost: let everybody look.
                tail.wake();
                tokio::time::sleep(RETRY_REST).await;
            }
        });
        Self { task }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Listens until the connection is lost.
async fn listen(pool: &PgPool, channel: &str, tail: &Tail) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(channel).await?;
    tail.wake();
    while let Some(notification) = listener.try_recv().await? {
        match notification.payload().parse() {
            Ok(position) => tail.announce(Position(position)),
            Err(_) => tail.wake(),
        }
    }
    Ok(())
}
