//! The edge's end: sends a command and waits for its outcome.
//!
//! Invariant: a command is sent once. If its outcome does not come, the caller hears that there is no writer, and decides
//! whether the same command can be sent again.
//! Time: the runtime's clock, for the limit.

use std::time::Duration;

use async_nats::{Client, Request, RequestErrorKind};
use paravox_domain::answer::Rejection;
use paravox_domain::command::Command;
use paravox_domain::ports::{Boxed, Commands, Outcome, Refused};
use paravox_domain::stored::{StoredCommand, StoredOutcome};

use super::NO_WRITER;
use crate::subjects::command_subject;

/// Sends commands to the node whose writer leads.
#[derive(Clone, Debug)]
pub struct NatsCommands {
    client: Client,
    subject: String,
    limit: Duration,
}

impl NatsCommands {
    /// Commands for a realm. An outcome that does not come within the limit counts as not known.
    pub fn new(client: Client, realm: &str, limit: Duration) -> Self {
        Self { client, subject: command_subject(realm), limit }
    }

    async fn asked(&self, command: Command) -> Result<Outcome, Refused> {
        let payload = match serde_json::to_vec(&StoredCommand::of(&command)) {
            Ok(payload) => payload,
            Err(error) => {
                tracing::error!(%error, "a command cannot be written");
                return Err(NO_WRITER);
            }
        };
        let bytes = payload.len();
        let request = Request::new().payload(payload.into()).timeout(Some(self.limit));
        let answer = match self.client.send_request(self.subject.clone(), request).await {
            Ok(answer) => answer,
            Err(error) if error.kind() == RequestErrorKind::MaxPayloadExceeded => {
                let bytes_max = self.client.server_info().max_payload;
                return Err(Rejection::CommandTooLarge { bytes, bytes_max }.into());
            }
            Err(error) => {
                tracing::debug!(%error, "a command was not answered");
                return Err(NO_WRITER);
            }
        };
        match serde_json::from_slice::<StoredOutcome>(&answer.payload) {
            Ok(outcome) => outcome.lift(),
            Err(error) => {
                tracing::error!(%error, "an outcome cannot be read: is the other node of another version?");
                Err(NO_WRITER)
            }
        }
    }
}

impl Commands for NatsCommands {
    fn submit(&self, command: Command) -> Boxed<'_, Result<Outcome, Refused>> {
        Box::pin(self.asked(command))
    }
}
