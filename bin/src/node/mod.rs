//! A node: journal, writer, readers and edge, put together as the configuration says.
//!
//! Owns: which adapters make up a node, and the order in which they start and stop.
//! Does not own: what they do.
//! Invariant: stops from the outside in: first no more requests, then the writer with what is in flight, then the readers;
//! so nothing that was acknowledged is left behind.

mod cluster;
mod edge;
mod health;
mod outside;
mod readers;
mod serve;
mod storage;
pub mod writer;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use paravox_domain::ports::Commands;
use paravox_domain::registration::Codes;
use paravox_writer::{Status, WriterHandle};
use tokio::net::TcpListener;

use self::cluster::Bus;
use self::edge::Edge;
pub use self::outside::Outside;
use self::readers::Readers;
pub use self::serve::serve;
use self::storage::Storage;
use crate::config::Config;
use crate::exit::Failure;
use crate::keys::Keys;

/// How long the writer of an embedded node may take to begin: it reads the journal first.
const LEADS_WITHIN: Duration = Duration::from_mins(10);

/// The configuration of an embedded node with its data in a folder, on a free loopback port, without limits on rates: for
/// benchmarks and tests, whose people all come from one address.
pub fn embedded_config(folder: &Path) -> Config {
    let mut config = Config::default();
    folder.clone_into(&mut config.data.directory);
    config.http.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.http.requests_per_address_per_s = 0;
    config.http.requests_per_credential_per_s = 0;
    config.http.registrations_per_identity_per_hour = 0;
    config.http.registrations_per_address_per_hour = 0;
    config.http.registrations_per_prefix_per_hour = 0;
    config.http.connections_per_address_max = config.http.connections_max;
    config
}

/// A running node.
pub struct Node {
    address: SocketAddr,
    keys: Keys,
    edge: Edge,
    bus: Option<Bus>,
    writer: WriterHandle,
    readers: Readers,
}

impl Node {
    /// Starts a node, and returns when it takes requests.
    pub async fn start(config: &Config, outside: &Outside) -> Result<Self, Failure> {
        // Another part of the process may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let keys = storage::keys(config)?;
        let listener = TcpListener::bind(config.http.listen)
            .await
            .map_err(|error| Failure::failed(format!("cannot listen on {}: {error}", config.http.listen)))?;
        let address = listener.local_addr().map_err(Failure::failed)?;

        let client = cluster::connect(config).await?;
        let storage = Storage::open(config, client.as_ref()).await?;
        let codes = Codes::new(&keys.realm);
        let readers = Readers::start(config, &storage, client.as_ref(), outside, &codes).await?;

        let lookup_key = keys.realm.derive("identity look-up");
        let settings = Arc::new(config.settings(lookup_key.clone()));
        let lease = cluster::lease(config, client.as_ref()).await?;
        let archive = Arc::new(readers.archive());
        let writer = writer::start(storage.journal.clone(), archive, lease, settings, writer::limits(config));

        let bus = client.map(|client| Bus::start(config, client, &writer, &readers));
        let commands: Arc<dyn Commands> = match &bus {
            Some(bus) => bus.commands(&writer),
            None => Arc::new(writer.clone()),
        };
        if bus.is_none() {
            leads(&writer).await?;
        }
        let edge = Edge::start(config, listener, &keys, lookup_key, codes, commands, &readers, &writer)?;
        Ok(Self { address, keys, edge, bus, writer, readers })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until its own writer leads: for whoever starts the only node of a realm, and wants to begin.
    pub async fn leads(&self) -> Result<(), Failure> {
        leads(&self.writer).await
    }

    /// The one-time codes of its realm: for whoever plays the people.
    pub fn codes(&self) -> Codes {
        Codes::new(&self.keys.realm)
    }

    /// Stops it; nothing that was acknowledged is lost.
    pub async fn stop(self) {
        self.edge.stop().await;
        if let Some(bus) = self.bus {
            bus.stop();
        }
        self.writer.shutdown().await;
        self.readers.stop().await;
    }
}

/// Waits until the writer decides commands.
async fn leads(writer: &WriterHandle) -> Result<(), Failure> {
    let mut status = writer.status();
    let begun = status.wait_for(|status| !matches!(status, Status::Follower { .. }));
    match tokio::time::timeout(LEADS_WITHIN, begun).await {
        Ok(Ok(status)) => match &*status {
            Status::Stopped { why } => Err(Failure::CheckFailed(format!("the writer stopped: {why}"))),
            Status::Leader { .. } | Status::Follower { .. } => Ok(()),
        },
        Ok(Err(_)) | Err(_) => Err(Failure::failed("the writer did not begin")),
    }
}
