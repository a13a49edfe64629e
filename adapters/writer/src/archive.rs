//! Watching the archive: how far it has come, and the command ids that it has from before the journal was followed.
//!
//! Owns: the two background tasks that ask.
//! Does not own: questions that a command waits for (`leader::fetch`).
//! Invariant: the confirmed position only grows.
//! Time: the runtime's clock, for rests.

use std::sync::Arc;
use std::time::Duration;

use paravox_domain::commit::Position;
use paravox_domain::ports::Archive;
use paravox_domain::time::Instant;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::memory::{Generation, Past};
use crate::rest::Rest;

/// The last position that the archive has confirmed, asked for again and again.
#[derive(Debug)]
pub(crate) struct Confirmed {
    position: watch::Receiver<Position>,
    task: JoinHandle<()>,
}

impl Confirmed {
    /// Begins to ask.
    pub(crate) fn watch(archive: Arc<dyn Archive>, every: Duration) -> Self {
        let (tell, position) = watch::channel(Position::START);
        let task = tokio::spawn(async move {
            loop {
                match archive.confirmed().await {
                    Ok(confirmed) => {
                        tell.send_if_modified(|known| {
                            let grown = confirmed > *known;
                            *known = (*known).max(confirmed);
                            grown
                        });
                    }
                    Err(error) => tracing::debug!(%error, "the archive does not say how far it has come"),
                }
                tokio::time::sleep(every).await;
            }
        });
        Self { position, task }
    }

    /// The last position that is known to be confirmed.
    pub(crate) fn position(&self) -> Position {
        *self.position.borrow()
    }

    /// To wait for a position.
    pub(crate) fn receiver(&self) -> watch::Receiver<Position> {
        self.position.clone()
    }
}

impl Drop for Confirmed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Fills a filter with the ids that were settled from an instant on, up to a position that the archive must have.
pub(crate) fn fill(
    archive: Arc<dyn Archive>,
    mut confirmed: watch::Receiver<Position>,
    (since, through): (Instant, Position),
    bytes: usize,
) -> Past {
    let past = Past::default();
    let filled = Arc::downgrade(&past);
    tokio::spawn(async move {
        if confirmed.wait_for(|position| *position >= through).await.is_err() {
            return;
        }
        let mut generation = Generation::new(bytes);
        let mut cursor = None;
        let mut rest = Rest::short();
        loop {
            if filled.strong_count() == 0 {
                return;
            }
            match archive.settled_since(since, cursor).await {
                Ok((ids, next)) => {
                    for id in ids {
                        generation.insert(id);
                    }
                    cursor = next;
                    if cursor.is_none() {
                        break;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the ids of settled commands cannot be read; trying again");
                    rest.take().await;
                }
            }
        }
        if let Some(past) = filled.upgrade() {
            // Nobody else sets it.
            let _ = past.set(generation);
        }
    });
    past
}
