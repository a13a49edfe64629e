//! The gateway over a real socket, with a real HTTP client and a real WebSocket client.
//!
//! Behind it stands a small world in memory: the domain's own state behind a lock, a list for each feed. What the gateway
//! refuses or lets through is thus decided by the same code as in a realm.

mod access;
mod calls;
mod feed;
mod form;
mod idempotency;
mod limits;
mod openapi;
mod operators;
mod privacy;
mod registration;
mod server;
mod sockets;
mod tokens;
mod world;
