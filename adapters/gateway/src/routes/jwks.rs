//! The public halves of the keys that sign access tokens (RFC 7517).

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::credentials::PublicKey;
use crate::parts::AppState;

/// A set of keys.
#[derive(Serialize, ToSchema)]
struct KeySet {
    /// The keys: the newest first, those that are about to go last.
    keys: Vec<PublicKey>,
}

/// The keys by which others can check access tokens.
#[utoipa::path(
    get,
    path = "/v1/.well-known/jwks.json",
    tag = "credentials",
    responses((status = 200, body = KeySet, description = "The keys."), (status = "default", body = crate::problem::ProblemBody<'static>, content_type = "application/problem+json", description = "Refused."))
)]
pub(crate) async fn keys(State(shared): State<AppState>) -> Response {
    let cache = HeaderValue::from_static("public, max-age=300");
    ([(header::CACHE_CONTROL, cache)], Json(KeySet { keys: shared.credentials.public_keys() }))
        .into_response()
}
