//! The edge for people's devices and automated systems: HTTP under `/v1`, and the devices' feeds.
//!
//! Owns: authentication, form, limits, the translation between HTTP and the domain's commands and questions, the three
//! transports of a feed (WebSocket, server-sent events, long poll), the description of it all (OpenAPI 3.1).
//! Does not own: decisions (the writer's), tables (the read models'), sending one-time codes (a reactor), where commands go.
//! Invariant: keeps no state that matters. Any number of gateways answer alike; one that is lost loses connections only.
//! Time: the time of day comes from the `Clock` port; limits and rests use the runtime's clock.

mod address;
mod auth;
mod bounded;
mod codes;
mod config;
mod cursor;
mod edge;
mod feed;
mod health;
mod http_body;
mod metrics_help;
mod openapi;
mod parts;
mod problem;
mod rates;
mod read;
mod refusal;
mod routes;
mod serve;
mod time_text;
mod write;

pub mod credentials;

pub use self::address::{InvalidNetwork, Network};
pub use self::codes::{GATEWAY_CODES, GatewayCode};
pub use self::config::{FeedConfig, GatewayConfig, RateConfig, ServiceConfig};
pub use self::credentials::{CredentialKey, Credentials, CredentialsError, Services, ServicesError};
pub use self::openapi::document as openapi_document;
pub use self::parts::{Dependency, Gateway, GatewayParts, Health, MetricsText};
pub use self::serve::ServeError;
