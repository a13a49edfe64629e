//! The writer's lease.

use std::time::{Duration, Instant};

use async_nats::jetstream;
use futures_util::FutureExt;
use paravox_cluster::{NatsLease, lease_bucket};
use paravox_domain::ports::Lease;
use paravox_harness::eventually;

use crate::{LIMIT, client, server, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_holds_the_lease_and_the_other_gets_it_when_it_is_given_back() {
    let server = server().await;
    let one = NatsLease::open(client(&server).await, "test", "one", 2, 1).await.expect("it opens");
    let two = NatsLease::open(client(&server).await, "test", "two", 2, 1).await.expect("it opens");
    within(one.acquire()).await;
    assert!(within(one.renew()).await);
    assert!(!within(two.renew()).await, "it never held it");
    let mut waiting = two.acquire();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!((&mut waiting).now_or_never().is_none());
    let begun = Instant::now();
    within(one.release()).await;
    within(waiting).await;
    assert!(begun.elapsed() < Duration::from_secs(2), "it need not wait for the end of the term");
    assert!(!within(one.renew()).await);
    assert!(within(two.renew()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_is_not_renewed_ends_and_its_old_holder_learns_it() {
    let server = server().await;
    let one = NatsLease::open(client(&server).await, "test", "one", 1, 1).await.expect("it opens");
    let two = NatsLease::open(client(&server).await, "test", "two", 1, 1).await.expect("it opens");
    // After a release the entry's last word is a deletion: the time to live must hold there too.
    for _ in 0..2 {
        within(one.acquire()).await;
        within(two.acquire()).await;
        assert!(!within(one.renew()).await);
        within(two.release()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_the_server_never_ends_is_taken_over() {
    let server = server().await;
    let nats = client(&server).await;
    let lease = NatsLease::open(nats.clone(), "test", "one", 1, 1).await.expect("it opens");
    let bucket = jetstream::new(nats).get_key_value(lease_bucket("test")).await.expect("it is there");
    // Without a time to live, as if the server had lost it.
    bucket.put("writer", "gone".into()).await.expect("it is written");
    within(lease.acquire()).await;
    assert!(within(lease.renew()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_outlives_a_restart_of_the_server_if_it_is_short() {
    let mut server = server().await;
    let lease = NatsLease::open(client(&server).await, "test", "one", 10, 1).await.expect("it opens");
    within(lease.acquire()).await;
    server.restart().await.expect("it comes back");
    assert!(within(lease.renew()).await);
    eventually("a second renewal", LIMIT, async || lease.renew().await.then_some(())).await.unwrap();
}
