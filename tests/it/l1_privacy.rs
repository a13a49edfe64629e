//! Privacy: what is personal appears nowhere but where it must (L1).

use crate::stage::{LIMIT, Pair, Stage, Venue, on_both};

on_both!(l1_no_number_text_or_token_appears_in_metrics_or_problems, async |venue: Venue| {
    let stage = Stage::new(venue, |_| {}).await;
    let mut pair = Pair::new(&stage).await;
    let (_, session) = pair.call("1").await;
    pair.alice.say(&session, "canary-text-5521").await.unwrap();
    pair.bobs.next_of("message.text", LIMIT).await.unwrap();
    let metrics =
        reqwest::get(format!("{}/metrics", stage.server.base())).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("paravox_commands_total"), "{metrics}");
    let refused =
        pair.alice.say("ses_00000000000000000000000001", "canary-text-5521").await.unwrap_err().to_string();
    for canary in [
        &pair.alice.number[1..],
        &pair.bob.number[1..],
        "canary-text-5521",
        &pair.alice.access_token,
        &pair.alice.device,
    ] {
        assert!(!metrics.contains(canary), "{canary} in the metrics");
        assert!(!refused.contains(canary), "{canary} in a problem");
    }
    stage.end().await;
});
