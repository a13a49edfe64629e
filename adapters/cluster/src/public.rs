//! Public events in a JetStream stream: CloudEvents for other systems.
//!
//! Owns: the stream, and publishing with the event's id as message id, so that a repeat within the stream's window is
//! stored once.
//! Does not own: what is public, nor the events' form (a projection).
//! Invariant: a published event is durable there when the future is ready.

use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use paravox_domain::ports::query::PublicBus;
use paravox_domain::ports::{Boxed, Cause};
use tokio::time::{Instant as Moment, sleep};

use crate::subjects::{events_stream, events_subjects};

const OPEN_WITHIN: Duration = Duration::from_secs(15);
const OPEN_AGAIN_AFTER: Duration = Duration::from_millis(250);
const PUBLISH_WITHIN: Duration = Duration::from_secs(5);

/// The stream of public events. Used when it is created; a stream that is there stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicBusConfig {
    /// How many servers keep each event: 1, or 3 to outlive the loss of one.
    pub replicas: usize,
    /// How long events are kept.
    pub age_max: Duration,
    /// For how long a repeat is recognised.
    pub repeat_window: Duration,
}

impl Default for PublicBusConfig {
    fn default() -> Self {
        const DAY: Duration = Duration::from_hours(24);
        Self { replicas: 1, age_max: DAY * 7, repeat_window: Duration::from_mins(10) }
    }
}

/// Why public events cannot be published.
#[derive(Debug, thiserror::Error)]
pub enum PublicBusError {
    /// The stream is not there, and cannot be made.
    #[error("the stream of public events cannot be opened: {0}")]
    Unavailable(#[source] Cause),
}

/// Publishes events to other systems.
#[derive(Clone, Debug)]
pub struct NatsPublicBus {
    context: Context,
    stream: String,
}

impl NatsPublicBus {
    /// Opens the stream of a realm's public events, making it if it is not there.
    pub async fn open(client: Client, realm: &str, config: PublicBusConfig) -> Result<Self, PublicBusError> {
        let context = ContextBuilder::new().timeout(PUBLISH_WITHIN).build(client);
        let stream = events_stream(realm);
        let begun = Moment::now();
        loop {
            let wanted = Config {
                name: stream.clone(),
                description: Some("Public events of the realm, as CloudEvents".to_owned()),
                subjects: vec![events_subjects(realm)],
                retention: RetentionPolicy::Limits,
                storage: StorageType::File,
                discard: DiscardPolicy::Old,
                max_age: config.age_max,
                duplicate_window: config.repeat_window.min(config.age_max),
                num_replicas: config.replicas,
                deny_delete: true,
                allow_rollup: false,
                ..Config::default()
            };
            match context.get_or_create_stream(wanted).await {
                Ok(_) => return Ok(Self { context, stream }),
                Err(error) if begun.elapsed() > OPEN_WITHIN => {
                    return Err(PublicBusError::Unavailable(error.into()));
                }
                Err(error) => {
                    tracing::warn!(%error, "the stream of public events cannot be opened; trying again");
                    sleep(OPEN_AGAIN_AFTER).await;
                }
            }
        }
    }

    async fn published(&self, subject: &str, id: &str, event: String) -> Result<(), Cause> {
        let message = PublishMessage::build()
            .payload(event.into())
            .message_id(id)
            .expected_stream(&self.stream)
            .header("content-type", "application/cloudevents+json; charset=utf-8");
        self.context.send_publish(subject.to_owned(), message).await?.await?;
        Ok(())
    }
}

impl PublicBus for NatsPublicBus {
    fn publish<'a>(&'a self, subject: &'a str, id: &'a str, event: String) -> Boxed<'a, Result<(), Cause>> {
        Box::pin(self.published(subject, id, event))
    }
}
