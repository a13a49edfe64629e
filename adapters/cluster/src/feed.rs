//! Feed nudges: new items of devices' feeds, told to all nodes as core messages.
//!
//! Owns: their form, the bounds on both sides.
//! Does not own: the feeds. A nudge that is lost is repaired by the items' numbers.
//! Invariants: offering never waits; what does not fit a bound is dropped and counted, and the log says so; a node does
//! not hear itself.

use std::sync::Arc;

use async_nats::Client;
use bytes::Bytes;
use futures_util::StreamExt;
use paravox_domain::commit::Position;
use paravox_domain::id::DeviceId;
use paravox_domain::ports::query::{FeedItem, FeedSink};
use paravox_domain::time::Instant;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::subjects::feed_subject;

/// A message takes no further item at this size; below every server's limit.
const MESSAGE_BYTES: usize = 256 * 1024;
/// A larger item is not told: its device reads it.
const ITEM_BYTES_MAX: usize = 512 * 1024;
/// What an item takes beside its body.
const ENVELOPE_BYTES: usize = 128;
/// Offers that wait to be sent.
const OFFERS_MAX: usize = 1_024;
const LISTEN_AGAIN_AFTER: std::time::Duration = std::time::Duration::from_millis(250);

#[derive(Serialize)]
struct Told<'a> {
    from: &'a str,
    items: &'a [ToldItem<&'a RawValue>],
}

#[derive(Deserialize)]
struct Heard<'a> {
    from: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    items: Vec<ToldItem<&'a RawValue>>,
}

#[derive(Serialize, Deserialize)]
struct ToldItem<B> {
    device: DeviceId,
    number: u64,
    position: Position,
    at: Instant,
    body: B,
}

/// Tells other nodes of new items.
#[derive(Clone, Debug)]
pub struct NatsFeedSink {
    offers: mpsc::Sender<Vec<(DeviceId, FeedItem)>>,
}

impl NatsFeedSink {
    /// A sink for a realm. `node` names this node, so that it does not hear itself. Must be called within a tokio runtime;
    /// its task ends with the last clone.
    pub fn new(client: Client, realm: &str, node: &str) -> Self {
        let (offers, waiting) = mpsc::channel(OFFERS_MAX);
        tokio::spawn(tell(client, feed_subject(realm), node.to_owned(), waiting));
        Self { offers }
    }
}

impl FeedSink for NatsFeedSink {
    fn offer(&self, items: Vec<(DeviceId, FeedItem)>) {
        if let Err(error) = self.offers.try_send(items) {
            tracing::debug!(%error, "nudges were dropped; their devices find the items by number");
        }
    }
}

async fn tell(
    client: Client,
    subject: String,
    node: String,
    mut offers: mpsc::Receiver<Vec<(DeviceId, FeedItem)>>,
) {
    while let Some(mut items) = offers.recv().await {
        // All that wait go together.
        while let Ok(more) = offers.try_recv() {
            items.extend(more);
            if items.len() >= OFFERS_MAX {
                break;
            }
        }
        for message in messages(&node, &items) {
            if let Err(error) = client.publish(subject.clone(), message).await {
                tracing::debug!(%error, "nudges cannot be sent");
            }
        }
    }
}

/// Items as messages of bounded size.
fn messages(node: &str, items: &[(DeviceId, FeedItem)]) -> Vec<Bytes> {
    let mut messages = Vec::new();
    let mut batch: Vec<ToldItem<&RawValue>> = Vec::new();
    let mut bytes = 0;
    for (device, item) in items {
        if item.body.len() > ITEM_BYTES_MAX {
            tracing::debug!(bytes = item.body.len(), "an item is too large to be told");
            continue;
        }
        let Ok(body) = serde_json::from_str::<&RawValue>(&item.body) else {
            tracing::error!("an item of a feed is no JSON");
            continue;
        };
        if bytes + item.body.len() > MESSAGE_BYTES && !batch.is_empty() {
            messages.extend(message(node, &batch));
            batch.clear();
            bytes = 0;
        }
        bytes += item.body.len() + ENVELOPE_BYTES;
        batch.push(ToldItem {
            device: *device,
            number: item.number,
            position: item.position,
            at: item.at,
            body,
        });
    }
    if !batch.is_empty() {
        messages.extend(message(node, &batch));
    }
    messages
}

fn message(node: &str, items: &[ToldItem<&RawValue>]) -> Option<Bytes> {
    match serde_json::to_vec(&Told { from: node, items }) {
        Ok(message) => Some(message.into()),
        Err(error) => {
            tracing::error!(%error, "nudges cannot be written");
            None
        }
    }
}

/// Listens until it is dropped.
#[derive(Debug)]
pub struct FeedListener {
    task: JoinHandle<()>,
}

impl Drop for FeedListener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Offers what other nodes tell to this node's sink. `node` is the name under which this node tells.
pub fn listen_to_feeds(client: Client, realm: &str, node: &str, sink: Arc<dyn FeedSink>) -> FeedListener {
    let (subject, node) = (feed_subject(realm), node.to_owned());
    let task = tokio::spawn(async move {
        loop {
            match client.subscribe(subject.clone()).await {
                Ok(mut told) => {
                    while let Some(message) = told.next().await {
                        if let Some(items) = heard(&node, &message.payload) {
                            sink.offer(items);
                        }
                    }
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "nudges cannot be subscribed to; trying again");
                    sleep(LISTEN_AGAIN_AFTER).await;
                }
            }
        }
    });
    FeedListener { task }
}

/// The items of another node's message.
fn heard(node: &str, payload: &[u8]) -> Option<Vec<(DeviceId, FeedItem)>> {
    let heard: Heard<'_> = match serde_json::from_slice(payload) {
        Ok(heard) => heard,
        Err(error) => {
            tracing::debug!(line = error.line(), column = error.column(), "a nudge cannot be read");
            return None;
        }
    };
    if heard.from == node {
        return None;
    }
    let items = heard.items.into_iter().map(|told| {
        let ToldItem { device, number, position, at, body } = told;
        (device, FeedItem { number, position, at, body: Arc::from(body.get()) })
    });
    Some(items.collect())
}

#[cfg(test)]
mod tests {
    use paravox_domain::id::Id;

    use super::*;

    fn item(number: u64, body: String) -> (DeviceId, FeedItem) {
        let item = FeedItem { number, position: Position(number), at: Instant(7), body: body.into() };
        (DeviceId::from_bits(u128::from(number)), item)
    }

    #[test]
    fn items_come_out_as_they_went_in_and_not_at_the_node_that_told_them() {
        let items = [item(1, r#"{"type":"a"}"#.to_owned()), item(2, r#"{"text":"\"é\""}"#.to_owned())];
        let messages = messages("here", &items);
        assert_eq!(messages.len(), 1);
        assert_eq!(heard("there", &messages[0]).as_deref(), Some(&items[..]));
        assert_eq!(heard("here", &messages[0]), None);
    }

    #[test]
    fn i9_messages_are_split_at_their_bound_and_what_is_too_large_is_left_to_the_numbers() {
        let text = |bytes: usize| format!("\"{}\"", "x".repeat(bytes));
        let mut items: Vec<_> = (1..=10).map(|number| item(number, text(100_000))).collect();
        items.insert(5, item(99, text(ITEM_BYTES_MAX + 1)));
        let messages = messages("here", &items);
        assert!(messages.len() > 1 && messages.iter().all(|message| message.len() < 2 * MESSAGE_BYTES));
        let heard: Vec<u64> = messages
            .iter()
            .filter_map(|message| heard("there", message))
            .flatten()
            .map(|(_, item)| item.number)
            .collect();
        assert_eq!(heard, (1..=10).collect::<Vec<_>>());
    }

    #[test]
    fn p1_what_is_no_nudge_is_let_pass() {
        for payload in ["", "{}", "[]", r#"{"from":"x","items":[{}]}"#] {
            assert_eq!(heard("here", payload.as_bytes()), None);
        }
    }
}
