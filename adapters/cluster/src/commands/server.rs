//! The writer's end: takes commands while the writer leads, and answers them.
//!
//! Owns: the subscription, and the bound on commands that are under way.
//! Does not own: the writer.
//! Invariant: beyond the bound a command is refused as busy at once; it is never left without an answer.

use std::sync::Arc;

use async_nats::{Client, Message, Subscriber};
use futures_util::StreamExt;
use paravox_domain::ports::{Commands, Outcome, Refused};
use paravox_domain::stored::{StoredCommand, StoredOutcome};
use paravox_domain::time::Span;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::NO_WRITER;
use crate::subjects::command_subject;

/// One of several nodes that subscribe at a time, during a handover, gets each command.
const QUEUE_GROUP: &str = "writer";
/// When to come back if too much is under way.
const BUSY: Refused = Refused::Busy { retry_after: Span::millis(100) };
const SUBSCRIBE_AGAIN_AFTER: std::time::Duration = std::time::Duration::from_millis(250);

/// Limits of serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServeLimits {
    /// Commands that are under way at the same time.
    pub commands_max: usize,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self { commands_max: 16_384 }
    }
}

/// Serves commands until it is dropped.
#[derive(Debug)]
pub struct CommandServer {
    task: JoinHandle<()>,
}

impl Drop for CommandServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves a realm's commands with this node's writer, whenever `leads` says that it leads.
pub fn serve_commands(
    client: Client,
    realm: &str,
    commands: Arc<dyn Commands>,
    leads: watch::Receiver<bool>,
    limits: ServeLimits,
) -> CommandServer {
    let server = Server {
        client,
        subject: command_subject(realm),
        commands,
        room: Arc::new(Semaphore::new(limits.commands_max)),
    };
    CommandServer { task: tokio::spawn(server.run(leads)) }
}

struct Server {
    client: Client,
    subject: String,
    commands: Arc<dyn Commands>,
    room: Arc<Semaphore>,
}

impl Server {
    async fn run(self, mut leads: watch::Receiver<bool>) {
        // Ends when nobody can say any more that the writer leads.
        while leads.wait_for(|leads| *leads).await.is_ok() {
            match self.client.queue_subscribe(self.subject.clone(), QUEUE_GROUP.to_owned()).await {
                Ok(subscriber) => self.serve(subscriber, &mut leads).await,
                Err(error) => {
                    tracing::warn!(%error, "commands cannot be subscribed to; trying again");
                    sleep(SUBSCRIBE_AGAIN_AFTER).await;
                }
            }
        }
    }

    /// Takes commands until the writer leads no longer.
    async fn serve(&self, mut subscriber: Subscriber, leads: &mut watch::Receiver<bool>) {
        loop {
            let message = tokio::select! {
                biased;
                message = subscriber.next() => message,
                _ = leads.wait_for(|leads| !leads) => break,
            };
            let Some(message) = message else { return };
            self.take(message);
        }
        // What was on its way is answered too, so that nobody waits for a time-out.
        if let Err(error) = subscriber.unsubscribe().await {
            tracing::warn!(%error, "the subscription to commands could not be ended");
        }
        while let Ok(Some(message)) = tokio::time::timeout(SUBSCRIBE_AGAIN_AFTER, subscriber.next()).await {
            self.take(message);
        }
    }

    fn take(&self, message: Message) {
        let permit = self.room.clone().try_acquire_owned().ok();
        tokio::spawn(answer(self.client.clone(), self.commands.clone(), message, permit));
    }
}

/// Answers one command. Without a permit there is too much under way.
async fn answer(
    client: Client,
    commands: Arc<dyn Commands>,
    message: Message,
    permit: Option<OwnedSemaphorePermit>,
) {
    let Some(reply) = message.reply else { return };
    let outcome = if permit.is_some() { carry_out(&*commands, &message.payload).await } else { Err(BUSY) };
    let answer = match serde_json::to_vec(&StoredOutcome::of(&outcome)) {
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!(%error, "an outcome cannot be written");
            return;
        }
    };
    if let Err(error) = client.publish(reply, answer.into()).await {
        tracing::debug!(%error, "an outcome cannot be sent");
    }
}

async fn carry_out(commands: &dyn Commands, payload: &[u8]) -> Result<Outcome, Refused> {
    let command = serde_json::from_slice::<StoredCommand<'_>>(payload).and_then(StoredCommand::lift);
    match command {
        Ok(command) => commands.submit(command).await,
        Err(error) => {
            // The place only: a message may repeat what was sent.
            let (line, column) = (error.line(), error.column());
            tracing::error!(line, column, "a command cannot be read: is the other node of another version?");
            Err(NO_WRITER)
        }
    }
}
