//! What makes a node one of a cluster: the bus.
//!
//! Owns: which commands go to this node's writer and which over the bus, the lease, feed items and public events over the
//! bus. Without a bus (embedded) each has its plain counterpart.
//! Does not own: the forms on the bus (`paravox_cluster`).

use std::sync::Arc;
use std::time::Duration;

use paravox_cluster::{
    CommandServer, ConnectConfig, ConnectError, FeedListener, NatsCommands, NatsFeedSink, NatsLease,
    NatsPublicBus, PublicBusConfig, ServeLimits,
};
use paravox_domain::command::Command;
use paravox_domain::id::{DeviceId, Id as _, WriterId};
use paravox_domain::ports::query::{FeedItem, FeedSink};
use paravox_domain::ports::{Boxed, Commands, Lease, Outcome, Refused};
use paravox_projections::feed::FeedHub;
use paravox_writer::{AlwaysHeld, Status, WriterHandle};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::readers::Readers;
use crate::config::Config;
use crate::exit::Failure;
use crate::keys;

/// How long a command that went over the bus may take.
const COMMAND_WITHIN: Duration = Duration::from_secs(10);

/// The connection, and this node's name on the bus.
pub(super) struct Client {
    /// The connection.
    pub(super) nats: async_nats::Client,
    /// A fresh name for this run of this node.
    pub(super) node: String,
}

/// Connects, if a bus is configured.
pub(super) async fn connect(config: &Config) -> Result<Option<Client>, Failure> {
    let Some(url) = &config.nats.url else { return Ok(None) };
    let node = WriterId::from_bits(keys::random()).to_string();
    let options = ConnectConfig {
        urls: url.split(',').map(|url| url.trim().to_owned()).collect(),
        credentials_file: config.nats.credentials_file.clone(),
        name: format!("paravox {}", config.realm),
        ..ConnectConfig::default()
    };
    let nats = paravox_cluster::connect(&options).await.map_err(|error| match error {
        ConnectError::Unreachable(_) => Failure::Dependency(error.to_string()),
        ConnectError::NoAddress | ConnectError::InvalidAddress { .. } | ConnectError::Credentials { .. } => {
            Failure::Configuration(error.to_string())
        }
    })?;
    Ok(Some(Client { nats, node }))
}

fn replicas(config: &Config) -> usize {
    config.nats.replicas.unwrap_or(1) as usize
}

/// The writer's lease: on the bus, or always held where there is one process only.
pub(super) async fn lease(config: &Config, client: Option<&Client>) -> Result<Arc<dyn Lease>, Failure> {
    let Some(client) = client else { return Ok(Arc::new(AlwaysHeld)) };
    let term = u64::from(config.writer.lease_s);
    let lease =
        NatsLease::open(client.nats.clone(), &config.realm, &client.node, term, replicas(config)).await;
    Ok(Arc::new(lease.map_err(|error| Failure::Dependency(error.to_string()))?))
}

/// Where public events go, if there is a bus.
pub(super) async fn public_bus(
    config: &Config,
    client: Option<&Client>,
) -> Result<Option<NatsPublicBus>, Failure> {
    let Some(client) = client else { return Ok(None) };
    let options = PublicBusConfig { replicas: replicas(config), ..PublicBusConfig::default() };
    let bus = NatsPublicBus::open(client.nats.clone(), &config.realm, options).await;
    bus.map(Some).map_err(|error| Failure::Dependency(error.to_string()))
}

/// Where numbered items go: to whoever watches here, and over the bus to whoever watches at another node.
pub(super) fn sink(config: &Config, client: Option<&Client>, hub: &FeedHub) -> Arc<dyn FeedSink> {
    match client {
        None => Arc::new(hub.clone()),
        Some(client) => Arc::new(Both {
            here: hub.clone(),
            elsewhere: NatsFeedSink::new(client.nats.clone(), &config.realm, &client.node),
        }),
    }
}

struct Both {
    here: FeedHub,
    elsewhere: NatsFeedSink,
}

impl FeedSink for Both {
    fn offer(&self, items: Vec<(DeviceId, FeedItem)>) {
        self.here.offer(items.clone());
        self.elsewhere.offer(items);
    }
}

/// This node's part in the bus's traffic.
pub(super) struct Bus {
    commands: NatsCommands,
    _server: CommandServer,
    _listener: FeedListener,
    leads: JoinHandle<()>,
}

impl Bus {
    /// Begins to serve commands while this node's writer leads, and to hear of items that other nodes number.
    pub(super) fn start(config: &Config, client: Client, writer: &WriterHandle, readers: &Readers) -> Self {
        let Client { nats, node } = client;
        let (tell, leads) = watch::channel(false);
        let mut status = writer.status();
        let watching = tokio::spawn(async move {
            loop {
                let leads = matches!(&*status.borrow_and_update(), Status::Leader { .. });
                tell.send_if_modified(|before| std::mem::replace(before, leads) != leads);
                if status.changed().await.is_err() {
                    tell.send_replace(false);
                    return;
                }
            }
        });
        let local: Arc<dyn Commands> = Arc::new(writer.clone());
        Self {
            commands: NatsCommands::new(nats.clone(), &config.realm, COMMAND_WITHIN),
            _server: paravox_cluster::serve_commands(
                nats.clone(),
                &config.realm,
                local,
                leads,
                ServeLimits::default(),
            ),
            _listener: paravox_cluster::listen_to_feeds(nats, &config.realm, &node, readers.sink()),
            leads: watching,
        }
    }

    /// Where this node's edge sends commands.
    pub(super) fn commands(&self, writer: &WriterHandle) -> Arc<dyn Commands> {
        Arc::new(Nearest { writer: writer.clone(), status: writer.status(), bus: self.commands.clone() })
    }

    /// Serves and hears no more.
    pub(super) fn stop(self) {
        self.leads.abort();
    }
}

/// To this node's writer if it leads, else over the bus to the one that does.
struct Nearest {
    writer: WriterHandle,
    status: watch::Receiver<Status>,
    bus: NatsCommands,
}

impl Commands for Nearest {
    fn submit(&self, command: Command) -> Boxed<'_, Result<Outcome, Refused>> {
        let leads = matches!(&*self.status.borrow(), Status::Leader { .. });
        if leads { self.writer.submit(command) } else { self.bus.submit(command) }
    }
}
