//! Fenced appends to the stream.
//!
//! An append names the last sequence that it expects (`Nats-Expected-Last-Sequence`). Appends may be pipelined: the server
//! takes them in the order in which they were sent over one connection, and they are sent in the order of their positions
//! even if their futures are first polled in another.
//!
//! Owns: the request, and the table from the server's answers to outcomes.
//! Does not own: settling an unknown outcome; the caller reads what stands at the position.
//! Invariant: an answer that is not understood counts as unknown.
//! Time: the runtime's clock, for the limit.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use async_nats::header::{NATS_EXPECTED_LAST_SEQUENCE, NATS_EXPECTED_STREAM};
use async_nats::jetstream::{Error as ServerError, ErrorCode};
use async_nats::{HeaderMap, Message, Request, RequestError, RequestErrorKind};
use futures_util::poll;
use paravox_domain::commit::{EncodedCommit, Position};
use serde::Deserialize;

use super::connection::Connection;
use super::{JetStreamStore, settings};
use crate::store::{Refusal, Store};

/// How long an append waits for the one before it to be sent.
const TURN_PATIENCE: Duration = Duration::from_millis(20);

/// "The message id is in process": an append of the same commit is under way.
const UNDER_WAY: u64 = ErrorCode::STREAM_DUPLICATE_MESSAGE_CONFLICT.0;
/// "Wrong last sequence", seen against appends that are under way.
const WRONG_LAST_SEQUENCE_UNDER_WAY: u64 = ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT.0;
/// The cluster has no leader (10008, 10009).
const NOT_AVAILABLE: [u64; 2] = [10_008, 10_009];

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Refused { error: ServerError },
    Stored { seq: u64 },
}

/// Appends one commit.
pub(super) async fn append(store: &JetStreamStore, commit: &EncodedCommit) -> Result<(), Refusal> {
    let Some(connection) = Connection::present(&store.client) else {
        return Err(Refusal::Unavailable("there is no connection to the server".into()));
    };
    let mut headers = HeaderMap::new();
    headers.insert(NATS_EXPECTED_LAST_SEQUENCE, (commit.position().0 - 1).to_string());
    headers.insert(NATS_EXPECTED_STREAM, settings::stream_name(&store.config.realm));
    let request = Request::new()
        .headers(headers)
        .payload(commit.bytes().clone())
        .timeout(Some(store.config.append_timeout));
    let asking = store.client.send_request(settings::subject(&store.config.realm), request);
    wait_for_turn(store, commit.position()).await;
    // The first poll hands the message to the client, which sends messages in this order; the runtime must not put the
    // poll off because this task has done much already.
    let mut asking = pin!(tokio::task::unconstrained(asking));
    let at_once = poll!(&mut asking);
    store.sent.send_modify(|sent| *sent = (*sent).max(commit.position()));
    let answering = async {
        match at_once {
            Poll::Ready(answer) => answer,
            Poll::Pending => asking.await,
        }
    };
    tokio::select! {
        answer = answering => match answer {
            Ok(message) => judge(&message, commit.position(), store.bytes_max()),
            Err(error) => Err(unanswered(error, store.bytes_max())),
        },
        () = connection.lost() => {
            Err(Refusal::Unconfirmed("the connection was lost while an append was under way".into()))
        }
    }
}

/// Waits, for a while, until the append before this one has been sent from here, or is known to stand. It may never be, if
/// it was given up; the fence decides then.
async fn wait_for_turn(store: &JetStreamStore, position: Position) {
    let before = Position(position.0 - 1);
    let (mut sent, mut announced) = (store.sent.subscribe(), store.tail.subscribe());
    let turn = async {
        while *sent.borrow_and_update() < before && !store.tail.has_announced(before) {
            // The senders live in the store.
            let _ = tokio::select! {
                changed = sent.changed() => changed,
                changed = announced.changed() => changed,
            };
        }
    };
    // Either outcome means: go on.
    let _ = tokio::time::timeout(TURN_PATIENCE, turn).await;
}

/// The server has answered.
fn judge(message: &Message, position: Position, bytes_max: usize) -> Result<(), Refusal> {
    let error = match serde_json::from_slice(&message.payload) {
        Ok(Answer::Stored { seq }) if seq == position.0 => return Ok(()),
        Ok(Answer::Stored { .. }) => return Err(Refusal::Moved),
        Ok(Answer::Refused { error }) => error,
        Err(error) => return Err(Refusal::Unconfirmed(error.into())),
    };
    Err(match error.error_code() {
        ErrorCode::STREAM_WRONG_LAST_SEQUENCE => Refusal::Moved,
        ErrorCode(WRONG_LAST_SEQUENCE_UNDER_WAY | UNDER_WAY) => Refusal::MovedOrUnderWay(error.into()),
        ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM | ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM => {
            Refusal::TooLarge { bytes_max }
        }
        // Refused before anything was stored.
        ErrorCode::STREAM_NOT_MATCH
        | ErrorCode::STREAM_NOT_FOUND
        | ErrorCode::STREAM_OFFLINE
        | ErrorCode::STREAM_TOO_MANY_REQUESTS
        | ErrorCode::ACCOUNT_RESOURCES_EXCEEDED
        | ErrorCode::INSUFFICIENT_RESOURCES
        | ErrorCode::STORAGE_RESOURCES_EXCEEDED
        | ErrorCode::MEMORY_RESOURCES_EXCEEDED
        | ErrorCode::JETSTREAM_NOT_ENABLED
        | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => Refusal::Unavailable(error.into()),
        ErrorCode(code) if NOT_AVAILABLE.contains(&code) => Refusal::Unavailable(error.into()),
        _ => Refusal::Unconfirmed(error.into()),
    })
}

/// The server has not answered.
fn unanswered(error: RequestError, bytes_max: usize) -> Refusal {
    match error.kind() {
        // No stream took the message: it has no leader at the moment.
        RequestErrorKind::NoResponders => Refusal::Unavailable(error.into()),
        RequestErrorKind::MaxPayloadExceeded => Refusal::TooLarge { bytes_max },
        RequestErrorKind::TimedOut | RequestErrorKind::InvalidSubject | RequestErrorKind::Other => {
            Refusal::Unconfirmed(error.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(payload: &'static str) -> Result<(), Refusal> {
        let message = Message {
            subject: "inbox".into(),
            reply: None,
            payload: payload.into(),
            headers: None,
            status: None,
            description: None,
            length: payload.len(),
        };
        judge(&message, Position(7), 1_000)
    }

    #[test]
    fn the_servers_answers_become_outcomes() {
        assert!(judged(r#"{"stream":"S","seq":7}"#).is_ok());
        assert!(judged(r#"{"stream":"S","seq":7,"duplicate":true}"#).is_ok());
        assert!(matches!(judged(r#"{"stream":"S","seq":8}"#), Err(Refusal::Moved)));
        let refused = |code: u32| -> &'static str {
            format!(r#"{{"error":{{"code":400,"err_code":{code},"description":"x"}},"stream":"S","seq":0}}"#)
                .leak()
        };
        assert!(matches!(judged(refused(10_071)), Err(Refusal::Moved)));
        assert!(matches!(judged(refused(10_158)), Err(Refusal::MovedOrUnderWay(_))));
        assert!(matches!(judged(refused(10_164)), Err(Refusal::MovedOrUnderWay(_))));
        assert!(matches!(judged(refused(10_054)), Err(Refusal::TooLarge { bytes_max: 1_000 })));
        assert!(matches!(judged(refused(10_047)), Err(Refusal::Unavailable(_))));
        assert!(matches!(judged(refused(10_008)), Err(Refusal::Unavailable(_))));
        assert!(matches!(judged(refused(10_077)), Err(Refusal::Unconfirmed(_))));
        assert!(matches!(judged("no JSON"), Err(Refusal::Unconfirmed(_))));
    }
}
