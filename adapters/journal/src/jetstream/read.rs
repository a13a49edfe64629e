//! Reading ranges of the stream.
//!
//! A range is one request (a direct get in batch mode): any replica answers with one message a commit and an end mark. A
//! replica may lag; where that matters the leader says how far the stream goes, and hands out itself what the replica does
//! not have.
//!
//! Owns: the request, its answer, and the silence after which it is given up.
//! Does not own: any check of what is read.
//! Time: the runtime's clock, for limits.

use std::time::Duration;

use async_nats::StatusCode;
use async_nats::header::NATS_SEQUENCE;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::stream::RawMessageErrorKind;
use async_nats::{Message, Subscriber};
use futures_util::StreamExt;
use paravox_domain::commit::Position;
use paravox_domain::ports::ReadError;
use serde::Serialize;

use super::JetStreamStore;
use super::connection::Connection;
use crate::store::{FETCH_BYTES, Freshness, Raw, unavailable};

/// How many commits one request asks for at most.
const COMMITS_PER_REQUEST: usize = 1_000;
/// "There is nothing from this sequence on."
const NOT_FOUND: u16 = 404;
/// The end of a batch.
const END_OF_BATCH: u16 = 204;

#[derive(Serialize)]
struct BatchRequest {
    seq: u64,
    batch: usize,
    max_bytes: usize,
}

/// The first and the last position, as the leader knows them. An empty stream's first one is the one after its last.
pub(super) async fn ends(store: &JetStreamStore) -> Result<(Position, Position), ReadError> {
    let info = store.stream.get_info().await.map_err(unavailable)?;
    let last = Position(info.state.last_sequence);
    let first = if info.state.messages == 0 { last.next() } else { Position(info.state.first_sequence) };
    Ok((first, last))
}

/// What follows a position.
pub(super) async fn fetch(
    store: &JetStreamStore,
    after: Position,
    commits_max: usize,
    freshness: Freshness,
) -> Result<Vec<Raw>, ReadError> {
    if freshness == Freshness::Any {
        return batch(store, after, commits_max).await;
    }
    if commits_max == 1 {
        return leader_copy(store, after.next(), commits_max).await;
    }
    let (_, end) = ends(store).await?;
    if end <= after {
        return Ok(Vec::new());
    }
    let found = batch(store, after, commits_max).await?;
    if found.is_empty() { leader_copy(store, after.next(), commits_max).await } else { Ok(found) }
}

/// One commit from the leader; none if there is none. Where the position itself has been trimmed, what a replica has next.
async fn leader_copy(
    store: &JetStreamStore,
    position: Position,
    commits_max: usize,
) -> Result<Vec<Raw>, ReadError> {
    match store.stream.get_raw_message(position.0).await {
        Ok(message) => Ok(vec![Raw { position: Position(message.sequence), bytes: message.payload }]),
        Err(error) => match error.kind() {
            RawMessageErrorKind::NoMessageFound => nothing_there(store, position, commits_max).await,
            RawMessageErrorKind::JetStream(cause) if cause.error_code() == ErrorCode::NO_MESSAGE_FOUND => {
                nothing_there(store, position, commits_max).await
            }
            _ => Err(unavailable(error)),
        },
    }
}

async fn nothing_there(
    store: &JetStreamStore,
    position: Position,
    commits_max: usize,
) -> Result<Vec<Raw>, ReadError> {
    let (_, end) = ends(store).await?;
    if end < position { Ok(Vec::new()) } else { batch(store, position, commits_max).await }
}

/// One request to any replica.
async fn batch(store: &JetStreamStore, after: Position, commits_max: usize) -> Result<Vec<Raw>, ReadError> {
    let Some(connection) = Connection::present(&store.client) else {
        return Err(unavailable("there is no connection to the server"));
    };
    tokio::select! {
        answered = ask(store, after, commits_max) => answered,
        () = connection.lost() => Err(unavailable("the connection was lost while a read was under way")),
    }
}

async fn ask(store: &JetStreamStore, after: Position, commits_max: usize) -> Result<Vec<Raw>, ReadError> {
    let inbox = store.client.new_inbox();
    let mut answers = store.client.subscribe(inbox.clone()).await.map_err(unavailable)?;
    let request = BatchRequest {
        seq: after.next().0,
        batch: commits_max.min(COMMITS_PER_REQUEST),
        max_bytes: FETCH_BYTES,
    };
    let payload = serde_json::to_vec(&request).map_err(unavailable)?;
    store
        .client
        .publish_with_reply(store.direct.clone(), inbox, payload.into())
        .await
        .map_err(unavailable)?;
    let mut found = Vec::new();
    while let Some(raw) = next(&mut answers, store.config.read_timeout).await? {
        found.push(raw);
    }
    Ok(found)
}

/// The next commit of an answer, or `None` at its end.
async fn next(answers: &mut Subscriber, silence_max: Duration) -> Result<Option<Raw>, ReadError> {
    let message = tokio::time::timeout(silence_max, answers.next())
        .await
        .map_err(unavailable)?
        .ok_or_else(|| unavailable("the connection was closed"))?;
    match message.status.map(|status| status.as_u16()) {
        None => raw(message).map(Some),
        Some(END_OF_BATCH | NOT_FOUND) => Ok(None),
        Some(status) if status == StatusCode::NO_RESPONDERS.as_u16() => {
            Err(unavailable("no replica of the stream answers"))
        }
        Some(status) => {
            let detail = message.description.unwrap_or_default();
            Err(unavailable(format!("the server answers {status} {detail}")))
        }
    }
}

fn raw(message: Message) -> Result<Raw, ReadError> {
    let sequence = message
        .headers
        .as_ref()
        .and_then(|headers| headers.get(NATS_SEQUENCE))
        .and_then(|sequence| sequence.as_str().parse().ok())
        .ok_or_else(|| unavailable("the server's answer names no sequence"))?;
    Ok(Raw { position: Position(sequence), bytes: message.payload })
}
