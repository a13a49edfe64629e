//! S10: identities are registered and proven; devices get credentials.

use serde_json::json;

use crate::stage::{LIMIT, Stage, Venue, number, on_both};

on_both!(s10_a_number_is_proven_by_a_code_from_a_short_message, async |venue: Venue| {
    let stage = Stage::new(venue, |_| {}).await;
    let number = number();
    let phone = stage.phone(&number).await;
    let me = phone.get("/v1/me").await.unwrap().body;
    assert_eq!(me["party"], phone.party.as_str(), "{me}");
    assert_eq!(me["identities"], json!([number]), "{me}");
    stage.end().await;
});

on_both!(s10_wrong_codes_are_counted_and_then_nothing_helps, async |venue: Venue| {
    let stage = Stage::new(venue, |config| config.registration.tries_max = 2).await;
    let number = number();
    let registration = stage.server.start_registration(&number, "a phone").await.unwrap();
    let code = stage.outside.code(&number, LIMIT).await.unwrap();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for _ in 0..2 {
        assert_eq!(stage.server.prove(&registration, wrong).await.unwrap_err().status(), Some(422));
    }
    let late = stage.server.prove(&registration, &code).await.unwrap_err();
    assert_eq!(late.code(), Some("PVX-1002"));
    stage.end().await;
});

on_both!(s10_a_second_device_with_the_same_number_belongs_to_the_same_party, async |venue: Venue| {
    let stage = Stage::new(venue, |_| {}).await;
    let number = number();
    let (first, second) = (stage.phone(&number).await, stage.phone(&number).await);
    assert_eq!(first.party, second.party);
    assert_ne!(first.device, second.device);
    let devices = second.get("/v1/devices").await.unwrap().body;
    assert_eq!(devices["data"].as_array().map(Vec::len), Some(2), "{devices}");
    stage.end().await;
});

on_both!(a4_of_many_who_present_the_code_at_once_one_gets_in, async |venue: Venue| {
    let stage = Stage::new(venue, |_| {}).await;
    let number = number();
    let registration = stage.server.start_registration(&number, "a phone").await.unwrap();
    let code = stage.outside.code(&number, LIMIT).await.unwrap();
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (server, registration, code) = (stage.server.clone(), registration.clone(), code.clone());
        tries.spawn(async move { server.prove(&registration, &code).await.is_ok() });
    }
    let winners = tries.join_all().await.into_iter().filter(|won| *won).count();
    assert_eq!(winners, 1);
    stage.end().await;
});

on_both!(s10_credentials_are_refreshed_and_a_copied_one_puts_the_device_out, async |venue: Venue| {
    let stage = Stage::new(venue, |_| {}).await;
    let mut phone = stage.phone(&number()).await;
    let mut copy = phone.clone();
    phone.refresh().await.unwrap();
    phone.refresh().await.unwrap();
    phone.get("/v1/me").await.unwrap();
    assert!(copy.refresh().await.is_err(), "a credential from before the last one is a copy in wrong hands");
    assert!(phone.refresh().await.is_err(), "the device is out, whoever holds its credential");
    stage.end().await;
});
