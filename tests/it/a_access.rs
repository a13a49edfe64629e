//! Access: nobody reads or touches what is not theirs (invariant 10; abuse cases A1, A5, A6).

use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{Pair, Stage, Venue, calling, number, on_both};

on_both!(a1_what_is_another_partys_looks_like_what_does_not_exist, async |venue: Venue| {
    let stage = Stage::new(venue, |_| {}).await;
    let mut pair = Pair::new(&stage).await;
    let (call, session) = pair.call("1").await;
    let mallory = stage.phone(&number()).await;
    let nowhere = ["call_00000000000000000000000001", "ses_00000000000000000000000001"];
    let routes = [
        (Method::GET, "/v1/calls/{c}", Value::Null),
        (Method::GET, "/v1/sessions/{s}", Value::Null),
        (Method::GET, "/v1/sessions/{s}/messages", Value::Null),
        (Method::POST, "/v1/sessions/{s}/messages", json!({ "text": "let me in" })),
        (Method::POST, "/v1/sessions/{s}/join", json!({})),
        (Method::POST, "/v1/sessions/{s}/keep", json!({ "keep": true })),
        (Method::POST, "/v1/sessions/{s}/leave", json!({})),
    ];
    for (method, path, body) in routes {
        let authorization = format!("Bearer {}", mallory.access_token);
        let body = (!body.is_null()).then_some(&body);
        let mut answers = Vec::new();
        for (call, session) in [(call.as_str(), session.as_str()), (nowhere[0], nowhere[1])] {
            let path = path.replace("{c}", call).replace("{s}", session);
            let mut answer = stage
                .server
                .raw(method.clone(), &path, &[("authorization", &authorization)], body)
                .await
                .unwrap();
            assert_eq!(answer.status, 404, "{method} {path}: {}", answer.body);
            let problem = answer.body.as_object_mut().unwrap();
            for what_differs in ["request_id", "instance", "detail"] {
                problem.remove(what_differs);
            }
            answers.push(answer.body);
        }
        assert_eq!(answers[0], answers[1], "{method} {path}");
    }
    stage.end().await;
});

on_both!(i7_nobody_reports_on_behalf_of_another, async |venue: Venue| {
    let stage = Stage::new(venue, |_| {}).await;
    let pair = Pair::new(&stage).await;
    let mallory = stage.phone(&number()).await;
    let mut lie = pair.alice.notification(&calling(&pair.bob, "attempt", "1"));
    lie["on_behalf_of"] = json!(pair.alice.number);
    let refused = mallory.post("/v1/call-notifications", &lie).await.unwrap_err();
    assert_eq!(refused.code(), Some("PVX-1201"));
    stage.end().await;
});

on_both!(a5_a_field_that_is_not_the_clients_to_set_is_refused, async |venue: Venue| {
    let stage = Stage::new(venue, |_| {}).await;
    let pair = Pair::new(&stage).await;
    for field in ["party", "verified", "realm", "reporter", "devices"] {
        let mut body = pair.alice.notification(&calling(&pair.bob, "attempt", "1"));
        body[field] = json!("x");
        let refused = pair.alice.post("/v1/call-notifications", &body).await.unwrap_err();
        assert!(matches!(refused.status(), Some(400 | 422)), "{field}: {refused}");
    }
    stage.end().await;
});

on_both!(a2_a_revoked_device_is_out_at_once, async |venue: Venue| {
    let stage = Stage::new(venue, |_| {}).await;
    let number = number();
    let (first, second) = (stage.phone(&number).await, stage.phone(&number).await);
    let mut feed = second.feed(0).await.unwrap();
    first.ask(Method::DELETE, &format!("/v1/devices/{}", second.device), None).await.unwrap();
    let error = loop {
        if let Err(error) = feed.next(crate::stage::LIMIT).await {
            break error;
        }
    };
    assert!(matches!(error, paravox_device::Error::Closed { code: 4401, .. }), "{error}");
    let refused = second.report(&calling(&first, "attempt", "1")).await.unwrap_err();
    assert_eq!(refused.status(), Some(401), "{refused}");
    stage.end().await;
});
