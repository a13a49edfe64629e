//! S12: the life of a session: lost, resumed, left, kept beyond the call; everybody is told.

use crate::stage::{LIMIT, Pair, Stage, Venue, calling, on_both};
use serde_json::json;

on_both!(s12_a_lost_leg_resumes_without_losing_or_repeating_anything, async |venue: Venue| {
    let stage = Stage::new(venue, |_| {}).await;
    let mut pair = Pair::new(&stage).await;
    let (_, session) = pair.call("1").await;
    let mut cursor = pair.bobs.last();
    let mut bobs = Some(pair.bobs);
    let mut seen = Vec::new();
    for round in 0..5 {
        if let Some(feed) = bobs.take() {
            cursor = feed.lose();
        }
        let lost = pair.alices.next_of("session.leg_changed", LIMIT).await.unwrap();
        assert_eq!(lost.text("state"), "lost");
        for n in 0..4 {
            pair.alice.say(&session, &format!("{round}.{n}")).await.unwrap();
        }
        let mut feed = pair.bob.feed(cursor).await.unwrap();
        while seen.len() < 4 * (round + 1) {
            let item = feed.next(LIMIT).await.unwrap();
            assert_eq!(item.number, cursor + 1, "no number is left out, none comes twice");
            cursor = item.number;
            if item.kind == "message.text" {
                seen.push(item.text("text").to_owned());
            }
        }
        let resumed = pair.alices.next_of("session.leg_changed", LIMIT).await.unwrap();
        assert_eq!(resumed.text("state"), "joined");
        bobs = Some(feed);
    }
    let expected: Vec<String> =
        (0..5).flat_map(|round| (0..4).map(move |n| format!("{round}.{n}"))).collect();
    assert_eq!(seen, expected);
    stage.end().await;
});

on_both!(s12_the_end_of_the_call_closes_the_session_and_both_are_told, async |venue: Venue| {
    let stage = Stage::new(venue, |_| {}).await;
    let mut pair = Pair::new(&stage).await;
    let (_, session) = pair.call("1").await;
    pair.alice.report(&calling(&pair.bob, "ended", "1")).await.unwrap();
    for feed in [&mut pair.alices, &mut pair.bobs] {
        assert_eq!(feed.next_of("call.ended", LIMIT).await.unwrap().text("cause"), "hung_up");
        assert_eq!(feed.next_of("session.closed", LIMIT).await.unwrap().text("cause"), "call_ended");
    }
    let refused = pair.alice.say(&session, "too late").await.unwrap_err();
    assert_eq!(refused.code(), Some("PVX-1302"));
    stage.end().await;
});

on_both!(s12_a_session_outlives_the_call_by_choice, async |venue: Venue| {
    let stage = Stage::new(venue, |_| {}).await;
    let mut pair = Pair::new(&stage).await;
    let (_, session) = pair.call("1").await;
    pair.bob.post(&format!("/v1/sessions/{session}/keep"), &json!({ "keep": true })).await.unwrap();
    pair.alice.report(&calling(&pair.bob, "ended", "1")).await.unwrap();
    pair.alices.next_of("session.outlives_call", LIMIT).await.unwrap();
    pair.alice.say(&session, "still here").await.unwrap();
    assert_eq!(pair.bobs.next_of("message.text", LIMIT).await.unwrap().text("text"), "still here");
    pair.bob.post(&format!("/v1/sessions/{session}/keep"), &json!({ "keep": false })).await.unwrap();
    pair.alices.next_of("session.closed", LIMIT).await.unwrap();
    stage.end().await;
});

on_both!(s12_either_side_can_leave, async |venue: Venue| {
    let stage = Stage::new(venue, |_| {}).await;
    let mut pair = Pair::new(&stage).await;
    let (_, session) = pair.call("1").await;
    pair.bob.post(&format!("/v1/sessions/{session}/leave"), &json!({})).await.unwrap();
    assert_eq!(pair.alices.next_of("session.leg_changed", LIMIT).await.unwrap().text("state"), "left");
    assert_eq!(pair.alices.next_of("session.closed", LIMIT).await.unwrap().text("cause"), "legs_left");
    let refused = pair.bob.say(&session, "I am gone").await.unwrap_err();
    assert!(matches!(refused.code(), Some("PVX-1302" | "PVX-1303")), "{refused}");
    stage.end().await;
});

on_both!(s12_a_leg_that_stays_lost_beyond_its_grace_has_left, async |venue: Venue| {
    let stage = Stage::new(venue, |config| config.sessions.resume_grace_s = 1).await;
    let mut pair = Pair::new(&stage).await;
    pair.call("1").await;
    pair.bobs.lose();
    assert_eq!(pair.alices.next_of("session.leg_changed", LIMIT).await.unwrap().text("state"), "lost");
    assert_eq!(pair.alices.next_of("session.leg_changed", LIMIT).await.unwrap().text("state"), "left");
    pair.alices.next_of("session.closed", LIMIT).await.unwrap();
    stage.end().await;
});

on_both!(s12_a_restart_of_the_server_loses_nothing_and_repeats_nothing, async |venue: Venue| {
    let mut stage = Stage::new(venue, |_| {}).await;
    let mut pair = Pair::new(&stage).await;
    let (_, session) = pair.call("1").await;
    pair.alice.say(&session, "before").await.unwrap();
    let before = pair.bobs.next_of("message.text", LIMIT).await.unwrap();
    stage.restart().await;
    let (alice, bob) = (pair.alice.at(&stage.server), pair.bob.at(&stage.server));
    let mut bobs = bob.feed(before.number).await.unwrap();
    alice.say(&session, "after").await.unwrap();
    assert_eq!(bobs.next_of("message.text", LIMIT).await.unwrap().text("text"), "after");
    let messages = bob.get(&format!("/v1/sessions/{session}/messages")).await.unwrap().body;
    let texts: Vec<_> =
        messages["data"].as_array().unwrap().iter().map(|message| message["text"].clone()).collect();
    assert_eq!(texts, ["before", "after"]);
    stage.end().await;
});
