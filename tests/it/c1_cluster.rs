//! C1, S14: several nodes of one realm; the writer's node goes, the standby takes over, devices go on elsewhere.

use std::time::Duration;

use paravox::node::Node;
use paravox_device::{Phone, Server};
use serde_json::json;

use crate::stage::{LIMIT, Pair, Stage, Venue, number};

/// A second node on the same bus and database.
async fn second_node(stage: &Stage) -> (Node, Server) {
    let mut config = stage.config.clone();
    config.http.listen = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let node = Node::start(&config, &stage.outside).await.unwrap();
    let server = Server::new(node.url()).unwrap();
    (node, server)
}

/// Sends a message until a writer takes it: with one key, so that it is sent once.
async fn say_once(phone: &Phone, session: &str, text: &str) {
    let path = format!("/v1/sessions/{session}/messages");
    let try_it = async || {
        let answer = phone.post_once(&path, text, &json!({ "text": text })).await.ok()?;
        match answer.status {
            200..300 => Some(()),
            409 | 503 => None,
            status => panic!("{status}: {}", answer.body),
        }
    };
    paravox_harness::eventually("a writer that takes the message", Duration::from_secs(30), try_it)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s14_legs_of_one_session_are_connected_to_different_nodes() {
    let stage = Stage::new(Venue::Cluster, |_| {}).await;
    let (node, server) = second_node(&stage).await;
    let alice = stage.phone(&number()).await;
    let bob = stage.phone(&number()).await.at(&server);
    let (alices, bobs) = (alice.feed(0).await.unwrap(), bob.feed(0).await.unwrap());
    let mut pair = Pair { alice, bob, alices, bobs };
    let (_, session) = pair.call("1").await;
    pair.alice.say(&session, "across").await.unwrap();
    assert_eq!(pair.bobs.next_of("message.text", LIMIT).await.unwrap().text("text"), "across");
    pair.bob.say(&session, "and back").await.unwrap();
    pair.alices.next_of("message.text", LIMIT).await.unwrap();
    assert_eq!(pair.alices.next_of("message.text", LIMIT).await.unwrap().text("text"), "and back");
    node.stop().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s14_the_standby_takes_over_and_nothing_is_lost_or_repeated() {
    let mut stage = Stage::new(Venue::Cluster, |config| config.writer.lease_s = 1).await;
    let mut pair = Pair::new(&stage).await;
    let (_, session) = pair.call("1").await;
    let (node, server) = second_node(&stage).await;
    say_once(&pair.alice, &session, "before").await;
    let before = pair.bobs.next_of("message.text", LIMIT).await.unwrap();

    // The first node, whose writer leads, goes.
    if let Some(first) = stage.node.replace(node) {
        first.stop().await;
    }
    let (alice, bob) = (pair.alice.at(&server), pair.bob.at(&server));
    let mut bobs = bob.feed(before.number).await.unwrap();
    say_once(&alice, &session, "after").await;
    let after = bobs.next_of("message.text", LIMIT).await.unwrap();
    assert_eq!(after.text("text"), "after");
    let messages = bob.get(&format!("/v1/sessions/{session}/messages")).await.unwrap().body;
    assert_eq!(messages["data"].as_array().map(Vec::len), Some(2), "{messages}");
    stage.end().await;
}
