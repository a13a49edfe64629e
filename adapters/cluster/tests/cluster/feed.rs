//! Feed nudges between nodes.

use std::sync::{Arc, Mutex};

use paravox_cluster::{NatsFeedSink, listen_to_feeds};
use paravox_domain::commit::Position;
use paravox_domain::id::{DeviceId, Id};
use paravox_domain::ports::query::{FeedItem, FeedSink};
use paravox_domain::time::Instant;
use paravox_harness::eventually;

use crate::{LIMIT, client, server};

#[derive(Debug, Default)]
struct Kept(Mutex<Vec<(DeviceId, FeedItem)>>);

impl FeedSink for Kept {
    fn offer(&self, items: Vec<(DeviceId, FeedItem)>) {
        self.0.lock().unwrap().extend(items);
    }
}

fn item(number: u64) -> (DeviceId, FeedItem) {
    let body = format!("{{\"number\":{number}}}").into();
    let item = FeedItem { number, position: Position(number), at: Instant(number as i64), body };
    (DeviceId::from_bits(1), item)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_items_reach_the_other_nodes_in_order_and_not_their_own() {
    let server = server().await;
    let (own, other) = (Arc::new(Kept::default()), Arc::new(Kept::default()));
    let nats = client(&server).await;
    let _own = listen_to_feeds(nats.clone(), "test", "one", own.clone());
    let _other = listen_to_feeds(client(&server).await, "test", "two", other.clone());
    let sink = NatsFeedSink::new(nats, "test", "one");
    // Until both listen, nudges are lost, as they may be.
    let heard = async || {
        sink.offer(vec![item(0)]);
        (!other.0.lock().unwrap().is_empty()).then_some(())
    };
    eventually("the first nudge", LIMIT, heard).await.unwrap();
    for number in 1..=1_000 {
        sink.offer(vec![item(number)]);
        if number % 100 == 0 {
            tokio::task::yield_now().await;
            let told =
                async || other.0.lock().unwrap().last().filter(|last| last.1.number == number).map(drop);
            eventually("the last nudge", LIMIT, told).await.unwrap();
        }
    }
    let heard = other.0.lock().unwrap();
    let numbers: Vec<u64> =
        heard.iter().map(|(_, item)| item.number).skip_while(|number| *number == 0).collect();
    assert_eq!(numbers, (1..=1_000).collect::<Vec<_>>());
    assert_eq!(heard.last(), Some(&item(1_000)));
    assert!(own.0.lock().unwrap().is_empty());
}
