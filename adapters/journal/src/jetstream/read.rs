//! Reading ranges of the stream.
//!
//! A range is one request (a direct get in batch mode): any replica answers with one message a commit and an end mark. A
//! replica may lag; where that matters the leader says how far the stream goes, and hands out itself what the replica does
//! not have.
//!
//! Owns: the request, its answer, and the silence after which it is given up.
//! Does not own: any check of what is read.
//! Time: the runtime's clock, for limits.

use async_nats::Message;
use async_nats::header::{HeaderName, NATS_LAST_SEQUENCE, NATS_SEQUENCE};
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::stream::RawMessageErrorKind;
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
    let mut found: Vec<Raw> = Vec::new();
    loop {
        let message = tokio::time::timeout(store.config.read_timeout, answers.next())
            .await
            .map_err(unavailable)?
            .ok_or_else(|| unavailable("the connection was closed"))?;
        match message.status.map(|status| status.as_u16()) {
            None => {}
            Some(END_OF_BATCH) => {
                is_after(&message, found.last())?;
                return Ok(found);
            }
            Some(NOT_FOUND) => return Ok(found),
            Some(status) => {
                let detail = message.description.unwrap_or_default();
                return Err(unavailable(format!("the server answers {status} {detail}")));
            }
        }
        is_after(&message, found.last())?;
        let position = number(&message, NATS_SEQUENCE)?;
        found.push(Raw { position: Position(position), bytes: message.payload });
    }
}

/// Each part of an answer names the part before it (0 before the first). One that was lost on the way is not a hole in the
/// journal.
fn is_after(message: &Message, last: Option<&Raw>) -> Result<(), ReadError> {
    let before = last.map_or(0, |raw| raw.position.0);
    if number(message, NATS_LAST_SEQUENCE)? == before {
        return Ok(());
    }
    Err(unavailable("a part of the server's answer was lost on the way"))
}

fn number(message: &Message, name: HeaderName) -> Result<u64, ReadError> {
    message
        .headers
        .as_ref()
        .and_then(|headers| headers.get(name))
        .and_then(|value| value.as_str().parse().ok())
        .ok_or_else(|| unavailable("the server's answer does not say which commit it holds"))
}
