//! Three nats-servers that are one cluster: for streams with three replicas.
//!
//! Owns: their common start and the choice of one by name.

use super::{NatsOptions, NatsServer, READY_WITHIN, Routes, START_TRIES};
use crate::{Error, free_port};

const SERVERS: usize = 3;

/// A cluster of three. Ends when dropped.
#[derive(Debug)]
pub struct NatsCluster {
    servers: Vec<NatsServer>,
}

impl NatsCluster {
    /// Starts three servers and waits until all of them are ready.
    pub async fn start(options: &NatsOptions) -> Result<Self, Error> {
        let mut last = None;
        for _ in 0..START_TRIES {
            match Self::try_start(options).await {
                Ok(cluster) => return Ok(cluster),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or(Error::Late { what: "the start of a cluster", limit: READY_WITHIN }))
    }

    async fn try_start(options: &NatsOptions) -> Result<Self, Error> {
        let all = (0..SERVERS).map(|_| free_port()).collect::<Result<Vec<_>, _>>()?;
        let mut servers = Vec::with_capacity(SERVERS);
        for (number, port) in all.iter().enumerate() {
            let routes = Routes { cluster: "paravox-test".to_owned(), port: *port, all: all.clone() };
            servers.push(NatsServer::spawn(options, free_port()?, format!("n{}", number + 1), Some(routes))?);
        }
        for server in &mut servers {
            server.wait_ready().await?;
        }
        Ok(Self { servers })
    }

    /// The addresses of all servers, as one comma-separated list.
    pub fn urls(&self) -> String {
        self.servers.iter().map(NatsServer::url).collect::<Vec<_>>().join(",")
    }

    /// The servers.
    pub fn servers(&self) -> &[NatsServer] {
        &self.servers
    }

    /// The server of this name.
    pub fn server(&mut self, name: &str) -> Option<&mut NatsServer> {
        self.servers.iter_mut().find(|server| server.name() == name)
    }
}
