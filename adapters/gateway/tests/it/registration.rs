//! Registration over HTTP (S10; A4, A8).

use serde_json::json;

use crate::server::{ANNA, BEN, start};

#[tokio::test]
async fn s10_a_number_is_claimed_proven_and_the_device_is_in() {
    let server = start().await;
    let anna = server.phone(ANNA).await;
    let me = server.get(&anna.access, "/v1/me").await.expect(200);
    assert_eq!(me.body, json!({"party": anna.party, "device": anna.device, "identities": [ANNA]}));
    let devices = server.get(&anna.access, "/v1/devices").await.expect(200);
    assert_eq!(devices.body["data"][0]["name"], "phone");
    assert_eq!(devices.body["has_more"], false);
}

#[tokio::test]
async fn s10_a_second_device_belongs_to_the_same_party() {
    let server = start().await;
    let (one, two) = (server.phone(ANNA).await, server.phone(ANNA).await);
    assert_eq!(one.party, two.party);
    assert_ne!(one.device, two.device);
}

#[tokio::test]
async fn s10_a_device_that_is_in_proves_a_further_identity_for_its_party() {
    let server = start().await;
    let anna = server.phone(ANNA).await;
    let body = json!({"identity": BEN, "device": {"name": "phone", "kind": "phone"}});
    let started = server.post(&anna.access, "/v1/registrations", body).await.expect(202);
    let id = started.body["registration"].as_str().unwrap();
    let code = crate::server::codes().code(id.parse().unwrap());
    let path = format!("/v1/registrations/{id}/proof");
    let proven = server.post(&anna.access, &path, json!({"code": code})).await.expect(200);
    assert_eq!(proven.body, json!({"party": anna.party}));
    let me = server.get(&anna.access, "/v1/me").await.expect(200);
    assert_eq!(me.body["identities"], json!([ANNA, BEN]));
}

#[tokio::test]
async fn s10_a_wrong_code_counts_and_the_last_one_closes_the_registration() {
    let server = start().await;
    let (id, code) = server.claim(ANNA).await;
    let path = format!("/v1/registrations/{id}/proof");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for left in (0..5).rev() {
        let reply = server.post_as_nobody(&path, json!({"code": wrong})).await.expect(422);
        assert_eq!((reply.code(), &reply.body["tries_left"]), ("PVX-4023", &json!(left)));
        assert!(!reply.header("paravox-position").is_empty(), "the try is an event");
    }
    let reply = server.post_as_nobody(&path, json!({"code": code})).await.expect(409);
    assert_eq!(reply.code(), "PVX-1002");
}

#[tokio::test]
async fn s10_what_is_no_code_costs_no_try() {
    let server = start().await;
    let (id, _) = server.claim(ANNA).await;
    let path = format!("/v1/registrations/{id}/proof");
    for wrong in ["", "12345", "1234567", "12345a", "１２３４５６"] {
        let reply = server.post_as_nobody(&path, json!({"code": wrong})).await.expect(422);
        assert_eq!(reply.code(), "PVX-4002");
    }
    assert_eq!(server.world.asked("prove"), 0);
}

#[tokio::test]
async fn a4_of_200_that_present_the_right_code_at_once_one_gets_in() {
    let server = start().await;
    let (id, code) = server.claim(ANNA).await;
    let path = format!("/v1/registrations/{id}/proof");
    let tries = (0..200).map(|_| server.post_as_nobody(&path, json!({"code": code})));
    let replies = futures_util::future::join_all(tries).await;
    let in_ = replies.iter().filter(|reply| reply.status == 201).count();
    let closed = replies.iter().filter(|reply| reply.status == 409 && reply.code() == "PVX-1002").count();
    assert_eq!((in_, closed), (1, 199));
}

#[tokio::test]
async fn a8_the_answer_is_the_same_for_a_user_and_for_anybody_else() {
    let server = start().await;
    server.phone(ANNA).await;
    let ask = async |number: &str| {
        let body = json!({"identity": number, "device": {"name": "x", "kind": "phone"}});
        server.post_as_nobody("/v1/registrations", body).await.expect(202)
    };
    let (user, other) = (ask(ANNA).await, ask(BEN).await);
    let names = |reply: &crate::server::Reply| {
        let mut names: Vec<String> = reply.headers.keys().map(ToString::to_string).collect();
        names.sort();
        names
    };
    assert_eq!(names(&user), names(&other));
    assert_eq!(user.header("content-length"), other.header("content-length"));
    let keys =
        |reply: &crate::server::Reply| reply.body.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&user), keys(&other));
}

#[tokio::test]
async fn s10_a_number_that_no_plan_knows_and_a_name_that_no_code_can_reach_are_told_apart() {
    let server = start().await;
    for (identity, code) in [("+9990000000", "PVX-1004"), ("user:anna", "PVX-1003"), ("+44", "PVX-4002")] {
        let body = json!({"identity": identity, "device": {"name": "x", "kind": "phone"}});
        let reply = server.post_as_nobody("/v1/registrations", body).await.expect(422);
        assert_eq!(reply.code(), code, "{identity}");
    }
}
