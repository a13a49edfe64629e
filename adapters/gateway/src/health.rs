//! Whether the program lives, and whether it can work.
//!
//! Owns: `/livez`, `/readyz`, `/metrics`: for operators, without a credential, outside of `/v1`.
//! Does not own: what is checked (`Health`), nor the figures (a recorder that the program installed).

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use crate::parts::AppState;

#[derive(Serialize)]
struct Live {
    status: &'static str,
}

#[derive(Serialize)]
struct Ready {
    status: &'static str,
    dependencies: Vec<One>,
}

#[derive(Serialize)]
struct One {
    name: String,
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// The program runs, and answers.
pub(crate) async fn livez() -> Response {
    Json(Live { status: "live" }).into_response()
}

/// The program can work, or what keeps it from that.
pub(crate) async fn readyz(State(shared): State<AppState>) -> Response {
    let mut dependencies: Vec<One> = Vec::new();
    for dependency in shared.health.check().await {
        let crate::Dependency { name, ready, reason } = dependency;
        dependencies.push(One { name, ready, reason });
    }
    if shared.closing.is_cancelled() {
        let reason = Some("the program is about to stop".to_owned());
        dependencies.push(One { name: "program".to_owned(), ready: false, reason });
    }
    let ready = dependencies.iter().all(|one| one.ready);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Ready { status: if ready { "ready" } else { "not ready" }, dependencies })).into_response()
}

/// All figures in Prometheus' text form.
pub(crate) async fn metrics(State(shared): State<AppState>) -> Response {
    match &shared.metrics {
        Some(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
