//! What nodes share, over a real nats-server.

mod commands;
mod feed;
mod lease;
mod public;

use async_nats::Client;
use paravox_cluster::{ConnectConfig, connect};
use paravox_harness::{NatsOptions, NatsServer};

/// The longest that anything here may take.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(30);

async fn server() -> NatsServer {
    NatsServer::start(&NatsOptions::default()).await.expect("nats-server starts")
}

async fn client(server: &NatsServer) -> Client {
    let config =
        ConnectConfig { urls: vec![server.url()], name: "test".to_owned(), ..ConnectConfig::default() };
    connect(&config).await.expect("it lets us in")
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.expect("it comes within the limit")
}
