//! Calls, sessions and messages over HTTP (S01, S12, S15).

use serde_json::{Value, json};

use crate::server::{ANNA, BEN, start};

#[tokio::test]
async fn s01_two_reports_of_one_call_open_a_session_that_both_see() {
    let server = start().await;
    let (anna, ben) = server.two().await;
    let waiting = server.report(&anna, BEN, "calling", "attempt").await.expect(200);
    assert_eq!(waiting.body["outcome"], "waiting");
    assert!(waiting.body.get("session").is_none());
    let joined = server.report(&ben, ANNA, "called", "alerting").await.expect(200);
    assert_eq!((&joined.body["outcome"], &joined.body["call"]), (&json!("joined"), &waiting.body["call"]));
    let call = server
        .get(&anna.access, &format!("/v1/calls/{}", joined.body["call"].as_str().unwrap()))
        .await
        .expect(200);
    assert_eq!(
        (&call.body["joined"], &call.body["other"], &call.body["role"]),
        (&json!(true), &json!(BEN), &json!("calling"))
    );
    assert_eq!(call.body["session"], joined.body["session"]);
    for phone in [&anna, &ben] {
        let open = server.get(&phone.access, "/v1/sessions?open=true").await.expect(200);
        assert_eq!(open.body["data"][0]["session"], joined.body["session"]);
        assert_eq!(open.body["data"][0]["legs"].as_array().unwrap().len(), 2);
    }
    let over = server.report(&anna, BEN, "calling", "ended").await.expect(200);
    assert_eq!(over.body["outcome"], "over");
    let open = server.get(&anna.access, "/v1/sessions?open=true").await.expect(200);
    assert_eq!(open.body["data"], json!([]));
}

#[tokio::test]
async fn s01_all_forms_of_the_other_party_are_taken() {
    let server = start().await;
    let anna = server.phone(ANNA).await;
    let full = json!({
        "on_behalf_of": "tel:+44-20-7946-0001", "other": "withheld", "role": "called", "stage": "alerting",
        "references": [{"kind": "sip_call_id", "issuer": "pbx.example.org", "value": "a84b4c76e66710"}],
        "attempt": "attempt-1", "happened_at": "2026-11-23T15:00:00Z",
    });
    server.post(&anna.access, "/v1/call-notifications", full).await.expect(200);
    for (other, attempt) in [(json!("unknown"), "2"), (Value::Null, "3")] {
        let mut body = json!({"on_behalf_of": ANNA, "stage": "attempt", "attempt": attempt});
        if !other.is_null() {
            body["other"] = other;
        }
        server.post(&anna.access, "/v1/call-notifications", body).await.expect(200);
    }
    for (field, value, pointer) in [
        ("other", json!("nobody"), "/other"),
        ("other", json!({"identity": "x"}), "/other/identity"),
        ("other", json!(7), "/other"),
        ("stage", json!("ringing"), "/stage"),
        ("attempt", json!("two words"), "/attempt"),
        ("happened_at", json!("yesterday"), "/happened_at"),
        ("references", json!([{"kind": "icid", "issuer": "", "value": "x"}]), "/references/0/issuer"),
        ("references", json!([1, 2]), "/references/0"),
    ] {
        let mut body = json!({"on_behalf_of": ANNA, "role": "calling", "stage": "attempt"});
        body[field] = value;
        let reply = server.post(&anna.access, "/v1/call-notifications", body).await.expect(422);
        assert_eq!(reply.code(), "PVX-4002", "{field}");
        assert_eq!(reply.body["errors"][0]["pointer"], pointer, "{:?}", reply.body);
    }
}

#[tokio::test]
async fn s15_messages_go_across_in_order_and_are_read_page_by_page() {
    let server = start().await;
    let (anna, ben) = server.two().await;
    let (_, session) = server.session(&anna, &ben).await;
    let path = format!("/v1/sessions/{session}/messages");
    let mut position = String::new();
    for n in 1..=5 {
        let phone = if n % 2 == 1 { &anna } else { &ben };
        let sent = server.post(&phone.access, &path, json!({"text": format!("text {n}")})).await.expect(201);
        assert_eq!(sent.body["number"], n);
        sent.header("paravox-position").clone_into(&mut position);
    }
    let request = server
        .request(reqwest::Method::GET, &path)
        .bearer_auth(&ben.access)
        .header("paravox-position", &position);
    let all = crate::server::Reply::of(request.send().await.unwrap()).await.expect(200);
    let texts: Vec<&str> =
        all.body["data"].as_array().unwrap().iter().map(|one| one["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["text 1", "text 2", "text 3", "text 4", "text 5"]);

    let mut seen = Vec::new();
    let mut next = format!("{path}?limit=2");
    loop {
        let page = server.get(&anna.access, &next).await.expect(200);
        seen.extend(page.body["data"].as_array().unwrap().iter().map(|one| one["number"].as_u64().unwrap()));
        let Some(cursor) = page.body["next_cursor"].as_str() else {
            assert_eq!(page.body["has_more"], false);
            break;
        };
        assert_eq!(page.body["has_more"], true);
        next = format!("{path}?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
    let stolen = next.split("cursor=").nth(1).unwrap();
    let reply = server.get(&ben.access, &format!("{path}?cursor={stolen}")).await.expect(400);
    assert_eq!((reply.code(), &reply.body["errors"][0]["pointer"]), ("PVX-4003", &json!("cursor")));
}

#[tokio::test]
async fn s15_a_text_that_is_empty_or_too_long_is_refused_by_its_size() {
    let server = start().await;
    let (anna, ben) = server.two().await;
    let (_, session) = server.session(&anna, &ben).await;
    let path = format!("/v1/sessions/{session}/messages");
    for text in [String::new(), "x".repeat(4_097)] {
        let reply = server.post(&anna.access, &path, json!({"text": text})).await.expect(422);
        assert_eq!(reply.code(), "PVX-1304");
    }
}

#[tokio::test]
async fn s12_a_session_is_kept_outlives_its_call_and_ends_when_a_party_leaves() {
    let server = start().await;
    let (anna, ben) = server.two().await;
    let (_, session) = server.session(&anna, &ben).await;
    let path = |action: &str| format!("/v1/sessions/{session}{action}");
    server.post(&anna.access, &path("/keep"), json!({"keep": true})).await.expect(204);
    server.report(&anna, BEN, "calling", "ended").await.expect(200);
    let view = server.get(&ben.access, &path("")).await.expect(200);
    assert_eq!((&view.body["outlives_call"], &view.body["closed"]), (&json!(true), &Value::Null));
    server.request(reqwest::Method::POST, &path("/leave")).bearer_auth(&ben.access).send().await.unwrap();
    let view = server.get(&anna.access, &path("")).await.expect(200);
    assert_eq!(view.body["closed"]["cause"], "legs_left");
}

#[tokio::test]
async fn a_read_waits_for_its_write_and_says_so_when_it_cannot() {
    let server = start().await;
    let anna = server.phone(ANNA).await;
    let ask = async |position: &str| {
        let request = server.request(reqwest::Method::GET, "/v1/calls").bearer_auth(&anna.access);
        crate::server::Reply::of(request.header("paravox-position", position).send().await.unwrap()).await
    };
    let now = server.world.position().0.to_string();
    ask(&now).await.expect(200);
    let ahead = ask("999999").await.expect(503);
    assert_eq!((ahead.code(), ahead.header("retry-after")), ("PVX-4027", "1"));
    assert_eq!(ahead.body["retryable"], true);
    assert_eq!(ask("soon").await.expect(400).code(), "PVX-4004");
    assert_eq!(ask("-1").await.expect(400).code(), "PVX-4004");
}
