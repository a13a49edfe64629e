//! S15: small messages in order; a receiver that is away gets them when it is back; a repeat is sent once.

use serde_json::json;

use crate::stage::{LIMIT, Pair, Stage, Venue, on_both};

on_both!(s15_messages_of_both_sides_have_one_order_for_everybody, async |venue: Venue| {
    let stage = Stage::new(venue, |_| {}).await;
    let mut pair = Pair::new(&stage).await;
    let (_, session) = pair.call("1").await;
    let mut sending = tokio::task::JoinSet::new();
    for n in 0..20 {
        let phone = if n % 2 == 0 { pair.alice.clone() } else { pair.bob.clone() };
        let session = session.clone();
        sending.spawn(async move {
            phone.say(&session, &n.to_string()).await.unwrap().body["number"].as_u64().unwrap()
        });
    }
    let mut numbers = sending.join_all().await;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=20).collect::<Vec<u64>>());
    let mut orders = Vec::new();
    for feed in [&mut pair.alices, &mut pair.bobs] {
        let mut order = Vec::new();
        for _ in 0..20 {
            order.push(feed.next_of("message.text", LIMIT).await.unwrap().text("text").to_owned());
        }
        orders.push(order);
    }
    assert_eq!(orders[0], orders[1]);
    stage.end().await;
});

on_both!(i5_a_repeat_with_the_same_key_is_sent_once_and_gets_the_first_answer, async |venue: Venue| {
    let mut stage = Stage::new(venue, |_| {}).await;
    let mut pair = Pair::new(&stage).await;
    let (_, session) = pair.call("1").await;
    let path = format!("/v1/sessions/{session}/messages");
    let body = json!({ "text": "once" });
    let first = pair.alice.post_once(&path, "key-1", &body).await.unwrap();
    assert!(first.status < 300, "{}", first.body);
    assert!(first.headers.contains_key("paravox-position"));
    let again = pair.alice.post_once(&path, "key-1", &body).await.unwrap();
    assert_eq!(again.body["message"], first.body["message"]);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let other = pair.alice.post_once(&path, "key-1", &json!({ "text": "twice" })).await.unwrap();
    assert_eq!(other.status, 422, "{}", other.body);
    assert_eq!(pair.bobs.next_of("message.text", LIMIT).await.unwrap().text("text"), "once");

    stage.restart().await;
    let alice = pair.alice.at(&stage.server);
    let after_restart = alice.post_once(&path, "key-1", &body).await.unwrap();
    assert_eq!(after_restart.body["message"], first.body["message"], "{}", after_restart.body);
    let messages = alice.get(&path).await.unwrap().body;
    assert_eq!(messages["data"].as_array().map(Vec::len), Some(1), "{messages}");
    stage.end().await;
});

on_both!(s15_a_receiver_that_is_away_gets_its_messages_when_it_is_back, async |venue: Venue| {
    let stage = Stage::new(venue, |_| {}).await;
    let mut pair = Pair::new(&stage).await;
    let (_, session) = pair.call("1").await;
    let cursor = pair.bobs.lose();
    for n in 0..50 {
        pair.alice.say(&session, &n.to_string()).await.unwrap();
    }
    let mut bobs = pair.bob.feed(cursor).await.unwrap();
    for n in 0..50 {
        assert_eq!(bobs.next_of("message.text", LIMIT).await.unwrap().text("text"), n.to_string());
    }
    stage.end().await;
});
