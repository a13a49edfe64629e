//! S01: two notifications match, and a session opens beside the call.

use std::time::Duration;

use crate::stage::{LIMIT, Pair, Stage, Venue, called, calling, number, on_both};

on_both!(s01_two_notifications_open_a_session_on_both_phones, async |venue: Venue| {
    let stage = Stage::new(venue, |_| {}).await;
    let mut pair = Pair::new(&stage).await;
    let (call, session) = pair.call("1").await;

    for (phone, role, other) in
        [(&pair.alice, "calling", &pair.bob.number), (&pair.bob, "called", &pair.alice.number)]
    {
        let view = phone.get(&format!("/v1/calls/{call}")).await.unwrap().body;
        assert_eq!(view["role"], role, "{view}");
        assert_eq!(view["session"], session.as_str(), "{view}");
        assert_eq!(view["other"], other.as_str(), "{view}");
    }
    stage.end().await;
});

on_both!(s01_the_called_side_may_report_first, async |venue: Venue| {
    let stage = Stage::new(venue, |_| {}).await;
    let mut pair = Pair::new(&stage).await;
    let first = pair.bob.report(&called(&pair.alice, "alerting", "b")).await.unwrap();
    assert_eq!(first.body["outcome"], "waiting");
    let second = pair.alice.report(&calling(&pair.bob, "attempt", "a")).await.unwrap();
    assert_eq!(second.body["outcome"], "joined");
    assert_eq!(first.body["call"], second.body["call"]);
    pair.alices.next_of("session.opened", LIMIT).await.unwrap();
    pair.bobs.next_of("session.opened", LIMIT).await.unwrap();
    stage.end().await;
});

on_both!(s01_a_repeated_notification_changes_nothing, async |venue: Venue| {
    let stage = Stage::new(venue, |_| {}).await;
    let mut pair = Pair::new(&stage).await;
    let (call, session) = pair.call("1").await;
    for _ in 0..3 {
        let again = pair.bob.report(&called(&pair.alice, "alerting", "1")).await.unwrap();
        assert_eq!(
            (again.text("call").unwrap(), again.text("session").unwrap()),
            (call.clone(), session.clone())
        );
    }
    pair.alice.say(&session, "next").await.unwrap();
    let next = pair.bobs.next(LIMIT).await.unwrap();
    assert_eq!(next.kind, "message.text", "nothing was told between the session's opening and the message");
    stage.end().await;
});

on_both!(s01_a_second_call_between_the_same_two_gets_a_session_of_its_own, async |venue: Venue| {
    let stage = Stage::new(venue, |_| {}).await;
    let mut pair = Pair::new(&stage).await;
    let (first_call, first_session) = pair.call("1").await;
    pair.alice.report(&calling(&pair.bob, "ended", "1")).await.unwrap();
    pair.bob.report(&called(&pair.alice, "ended", "1")).await.unwrap();
    pair.bobs.next_of("session.closed", LIMIT).await.unwrap();
    let (second_call, second_session) = pair.call("2").await;
    assert_ne!((first_call, first_session), (second_call, second_session));
    stage.end().await;
});

on_both!(s01_call_waiting_one_party_in_two_calls_at_once, async |venue: Venue| {
    let stage = Stage::new(venue, |_| {}).await;
    let mut pair = Pair::new(&stage).await;
    let (_, with_alice) = pair.call("1").await;
    let carol = stage.phone(&number()).await;
    let mut carols = carol.feed(0).await.unwrap();
    carol.report(&calling(&pair.bob, "attempt", "c1")).await.unwrap();
    let second = pair.bob.report(&called(&carol, "alerting", "b2")).await.unwrap();
    assert_eq!(second.body["outcome"], "joined");
    let with_carol = carols.next_of("session.opened", LIMIT).await.unwrap().text("session").to_owned();
    assert_ne!(with_alice, with_carol);
    carol.say(&with_carol, "only for Bob").await.unwrap();
    pair.bobs.next_of("message.text", LIMIT).await.unwrap();
    assert!(pair.alices.next_of("message.text", Duration::from_millis(300)).await.is_err());
    stage.end().await;
});

on_both!(i6_two_people_who_do_not_name_each_other_are_never_joined, async |venue: Venue| {
    let stage = Stage::new(venue, |_| {}).await;
    let pair = Pair::new(&stage).await;
    let carol = stage.phone(&number()).await;
    pair.alice.report(&calling(&pair.bob, "attempt", "1")).await.unwrap();
    let answer = carol.report(&called(&pair.bob, "alerting", "1")).await.unwrap();
    assert_eq!(answer.body["outcome"], "waiting");
    let answer = pair.bob.report(&called(&carol, "alerting", "1")).await.unwrap();
    assert_eq!(answer.body["outcome"], "waiting", "Bob says that Carol calls; Carol says that she is called");
    stage.end().await;
});

on_both!(s01_nobody_answers_within_the_window_and_the_caller_is_told, async |venue: Venue| {
    let stage = Stage::new(venue, |config| config.calls.window_s = 1).await;
    let mut pair = Pair::new(&stage).await;
    pair.alice.report(&calling(&pair.bob, "attempt", "1")).await.unwrap();
    let ended = pair.alices.next_of("call.ended", LIMIT).await.unwrap();
    assert_eq!(ended.text("cause"), "no_partner");
    stage.end().await;
});
