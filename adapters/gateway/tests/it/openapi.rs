//! The description of the routes.

use std::path::PathBuf;

use serde_json::Value;

use crate::server::start;

fn checked_in() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/api/openapi.json")
}

/// Written anew with `PARAVOX_BLESS=1 cargo test -p paravox-gateway openapi`.
#[test]
fn the_checked_in_description_is_that_of_the_code() {
    let made = format!("{}\n", paravox_gateway::openapi_document().to_pretty_json().unwrap());
    if std::env::var_os("PARAVOX_BLESS").is_some() {
        std::fs::write(checked_in(), &made).unwrap();
    }
    let found = std::fs::read_to_string(checked_in()).unwrap_or_default();
    assert!(made == found, "docs/api/openapi.json is not current; write it anew with PARAVOX_BLESS=1");
}

#[tokio::test]
async fn the_description_is_served_and_says_of_each_operation_what_it_may_answer() {
    let server = start().await;
    let reply = server.get("x", "/v1/openapi.json").await.expect(200);
    let document: Value = serde_json::from_str(&std::fs::read_to_string(checked_in()).unwrap()).unwrap();
    assert_eq!(reply.body, document);
    assert_eq!(document["openapi"].as_str().unwrap().split('.').take(2).collect::<Vec<_>>(), ["3", "1"]);
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.contains_key("default"), "{method} {path}: no problem is described");
            assert!(
                responses.values().all(|response| response["description"].is_string()),
                "{method} {path}"
            );
            assert!(
                operation["summary"].is_string() || operation["description"].is_string(),
                "{method} {path}"
            );
        }
    }
}

#[test]
fn every_reference_in_the_description_leads_somewhere() {
    fn walk<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    match field {
                        Value::String(text) if name == "$ref" => found.push(text),
                        field => walk(field, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            _ => {}
        }
    }
    let document = serde_json::to_value(paravox_gateway::openapi_document()).unwrap();
    let mut found = Vec::new();
    walk(&document, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}
