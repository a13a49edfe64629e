//! Waking followers by the stream's announcements.
//!
//! The stream republishes each commit's headers, without its content, as a core message. Whoever could forge one could
//! only make followers look.
//!
//! Owns: one task that listens to them. The client subscribes again after a lost connection.
//! Does not own: the truth: an announcement says only that there is something to read.
//! Invariant: the task ends with the value.

use std::sync::Arc;

use async_nats::Client;
use async_nats::header::NATS_SEQUENCE;
use futures_util::StreamExt;
use paravox_domain::commit::Position;
use tokio::task::JoinHandle;

use super::settings;
use crate::OpenError;
use crate::tail::Tail;

/// The task.
#[derive(Debug)]
pub(super) struct Listening {
    task: JoinHandle<()>,
}

impl Listening {
    pub(super) async fn start(client: &Client, realm: &str, tail: Arc<Tail>) -> Result<Self, OpenError> {
        let mut announcements = client
            .subscribe(settings::announcements(realm))
            .await
            .map_err(|error| OpenError::Unavailable(error.into()))?;
        let task = tokio::spawn(async move {
            while let Some(announcement) = announcements.next().await {
                let sequence = announcement.headers.as_ref().and_then(|headers| headers.get(NATS_SEQUENCE));
                match sequence.and_then(|sequence| sequence.as_str().parse().ok()) {
                    Some(sequence) => tail.announce(Position(sequence)),
                    None => tail.wake(),
                }
            }
        });
        Ok(Self { task })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}
