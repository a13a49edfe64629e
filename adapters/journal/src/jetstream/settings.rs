//! The stream's name, subject and settings.
//!
//! Owns: creating the stream, and refusing one whose settings would put commits at risk.
//! Does not own: limits and replicas of a stream that is there: those are the operator's to change.
//! Invariant: nothing of a stream that is there is ever changed.
//! Time: the runtime's clock, for trying again while there is no leader.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use async_nats::jetstream::Context;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{CreateStreamError, CreateStreamErrorKind};
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, PersistenceMode, Republish, RetentionPolicy, StorageType,
};
use paravox_domain::commit::COMMIT_BYTES_MAX;
use paravox_domain::ports::Cause;
use tokio::time::Instant;

use super::JetStreamConfig;
use crate::OpenError;
use crate::open::{DATA_VERSION, check_mark};

/// The lowest version of nats-server whose known holes are closed.
pub const VERSION_FLOOR: &str = "2.12.6";
const VERSION_FLOOR_PARTS: (i64, i64, i64) = (2, 12, 6);

/// Room for the headers of an append within the server's payload limit.
const HEADER_BYTES_MAX: usize = 1_024;
/// Commits are fenced by their position; the window in which the server looks for repeats is as short as it allows.
const DUPLICATE_WINDOW: Duration = Duration::from_millis(100);
const RETRY_REST: Duration = Duration::from_millis(100);

const MARK_VERSION: &str = "paravox.data-version";
const MARK_REALM: &str = "paravox.realm";

/// The name of a realm's stream.
pub fn stream_name(realm: &str) -> String {
    format!("PARAVOX_{realm}_JOURNAL")
}

/// The subject of a realm's commits.
pub fn subject(realm: &str) -> String {
    format!("paravox.{realm}.journal")
}

/// The subject on which the stream announces that it has a new commit, without its content.
pub(super) fn announcements(realm: &str) -> String {
    format!("paravox.{realm}.appended")
}

/// The largest commit that the server takes.
pub(super) fn bytes_max(client: &Client) -> usize {
    client.max_payload().saturating_sub(HEADER_BYTES_MAX).min(COMMIT_BYTES_MAX)
}

/// The settings of a new stream.
fn wanted(config: &JetStreamConfig) -> Config {
    let subject = subject(&config.realm);
    Config {
        name: stream_name(&config.realm),
        description: Some(
            "Journal of Paravox. One message a commit; never to be changed by hand.".to_owned(),
        ),
        subjects: vec![subject.clone()],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        num_replicas: config.replicas,
        // Full means: refuse. Never drop what was acknowledged.
        discard: DiscardPolicy::New,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_bytes: config.stream_bytes_max.unwrap_or(-1),
        max_age: config.age_max.unwrap_or_default(),
        max_message_size: (COMMIT_BYTES_MAX + HEADER_BYTES_MAX) as i32,
        max_consumers: -1,
        duplicate_window: DUPLICATE_WINDOW,
        deny_delete: true,
        deny_purge: true,
        allow_rollup: false,
        // Ranges are read in one request, from any replica.
        allow_direct: true,
        republish: Some(Republish {
            source: subject,
            destination: announcements(&config.realm),
            headers_only: true,
        }),
        metadata: HashMap::from([
            (MARK_VERSION.to_owned(), DATA_VERSION.to_string()),
            (MARK_REALM.to_owned(), config.realm.clone()),
        ]),
        ..Config::default()
    }
}

/// Creates the stream if it is not there, and checks it if it is.
pub(super) async fn prepare(
    client: &Client,
    context: &Context,
    config: &JetStreamConfig,
) -> Result<(), OpenError> {
    let wanted = wanted(config);
    let began = Instant::now();
    let found = loop {
        match try_prepare(client, context, &wanted).await {
            Ok(found) => break found,
            Err(error) if error.is_retryable() && began.elapsed() < config.open_timeout => {
                tokio::time::sleep(RETRY_REST).await;
            }
            Err(error) => return Err(error),
        }
    };
    let mark = |key| found.metadata.get(key).map(String::as_str);
    check_mark(&config.realm, mark(MARK_VERSION), mark(MARK_REALM))?;
    check_settings(&found, &wanted)?;
    if found.num_replicas != wanted.num_replicas {
        let (found, wanted) = (found.num_replicas, wanted.num_replicas);
        tracing::warn!(found, wanted, "the journal's stream has another number of replicas than configured");
    }
    let (payload, needed) = (client.max_payload(), COMMIT_BYTES_MAX + HEADER_BYTES_MAX);
    at_least("max_payload", payload as i64, needed as i64)
}

async fn try_prepare(client: &Client, context: &Context, wanted: &Config) -> Result<Config, OpenError> {
    if client.connection_state() != State::Connected {
        return Err(OpenError::Unavailable("there is no connection to the server".into()));
    }
    let (major, minor, patch) = VERSION_FLOOR_PARTS;
    if !client.is_server_compatible(major, minor, patch) {
        let found = client.server_info().version;
        return Err(OpenError::ServerTooOld { found, floor: VERSION_FLOOR });
    }
    match context.get_or_create_stream(wanted).await {
        Ok(stream) => Ok(stream.cached_info().config.clone()),
        Err(error) => Err(refused(error)),
    }
}

fn refused(error: CreateStreamError) -> OpenError {
    match error.kind() {
        // Another process created it between the look and the creation; the next try looks again.
        CreateStreamErrorKind::JetStream(cause) if cause.error_code() == ErrorCode::STREAM_NAME_EXIST => {
            OpenError::Unavailable(cause.into())
        }
        CreateStreamErrorKind::JetStream(cause)
            if cause.error_code() == ErrorCode::STREAM_SUBJECT_OVERLAP =>
        {
            crate::open::not_a_journal("another stream keeps messages of the journal's subject")
        }
        CreateStreamErrorKind::JetStream(cause) => OpenError::Unavailable(cause.into()),
        _ => OpenError::Unavailable(Cause::from(error)),
    }
}

/// Refuses settings under which an acknowledged commit could vanish, or an append would be refused one day.
fn check_settings(found: &Config, wanted: &Config) -> Result<(), OpenError> {
    is("subjects", &found.subjects, &wanted.subjects)?;
    is("storage", &found.storage, &wanted.storage)?;
    is("retention", &found.retention, &wanted.retention)?;
    is("discard", &found.discard, &wanted.discard)?;
    is("max_msgs", &found.max_messages, &-1)?;
    is("max_msgs_per_subject", &found.max_messages_per_subject, &-1)?;
    is("deny_delete", &found.deny_delete, &true)?;
    is("deny_purge", &found.deny_purge, &true)?;
    is("allow_rollup_hdrs", &found.allow_rollup, &false)?;
    is("allow_msg_ttl", &found.allow_message_ttl, &false)?;
    is("allow_direct", &found.allow_direct, &true)?;
    is("sealed", &found.sealed, &false)?;
    is("no_ack", &found.no_ack, &false)?;
    is("mirror", &found.mirror.is_some(), &false)?;
    is("sources", &found.sources.as_ref().is_some_and(|sources| !sources.is_empty()), &false)?;
    is("persist_mode async", &(found.persist_mode == Some(PersistenceMode::Async)), &false)?;
    if found.max_message_size > 0 {
        at_least("max_msg_size", found.max_message_size.into(), wanted.max_message_size.into())?;
    }
    Ok(())
}

fn is<T: PartialEq + std::fmt::Debug>(setting: &'static str, found: &T, needed: &T) -> Result<(), OpenError> {
    if found == needed {
        return Ok(());
    }
    Err(OpenError::UnsafeSetting { setting, found: format!("{found:?}"), needed: format!("{needed:?}") })
}

fn at_least(setting: &'static str, found: i64, needed: i64) -> Result<(), OpenError> {
    if found >= needed {
        return Ok(());
    }
    let (found, needed) = (found.to_string(), format!("at least {needed}"));
    Err(OpenError::UnsafeSetting { setting, found, needed })
}
