//! The routes under `/v1`, one file for each thing.
//!
//! Owns: which routes there are.

mod calls;
mod devices;
mod feed;
mod jwks;
mod me;
mod messages;
mod notifications;
mod registrations;
mod schemas;
mod sessions;
mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use self::sessions::SessionBody;
use crate::parts::{AppState, Shared};
use crate::{edge, health, openapi, read, write};

/// The routes that are described.
pub(crate) fn described() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(registrations::start))
        .routes(routes!(registrations::prove))
        .routes(routes!(tokens::refresh))
        .routes(routes!(jwks::keys))
        .routes(routes!(me::me))
        .routes(routes!(devices::list))
        .routes(routes!(devices::revoke))
        .routes(routes!(notifications::notify))
        .routes(routes!(calls::list))
        .routes(routes!(calls::one))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::one))
        .routes(routes!(sessions::join))
        .routes(routes!(sessions::keep))
        .routes(routes!(sessions::leave))
        .routes(routes!(messages::list, messages::send))
        .routes(routes!(feed::tickets))
        .routes(routes!(feed::feed))
}

/// All routes, with what is done for every request.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let (mut router, _) = described().split_for_parts();
    router = router
        .route("/v1/openapi.json", get(served_openapi))
        .route("/.well-known/jwks.json", get(jwks::keys))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .method_not_allowed_fallback(|| async { StatusCode::METHOD_NOT_ALLOWED });
    if shared.config.operator_routes {
        router = router.route("/livez", get(health::livez)).route("/readyz", get(health::readyz));
        if shared.metrics.is_some() {
            router = router.route("/metrics", get(health::metrics));
        }
    }
    let cors = cors(&shared.config.allowed_origins);
    router
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&shared), edge::edge))
        .layer(cors)
        .with_state(shared)
}

async fn served_openapi(State(shared): State<AppState>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], shared.openapi.clone())
        .into_response()
}

/// What browsers let pages of the allowed origins do.
fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    let header = HeaderName::from_static;
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header("idempotency-key"),
            header(read::POSITION),
            header("last-event-id"),
        ])
        .expose_headers([
            header(read::POSITION),
            header(write::REPLAYED),
            header(edge::REQUEST_ID),
            header::RETRY_AFTER,
        ])
        .max_age(std::time::Duration::from_mins(10))
}
