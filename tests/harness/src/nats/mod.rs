//! nats-server with JetStream, in a temporary folder on loopback.
//!
//! Owns: its binary, configuration, start, readiness, pause, restart and end; clusters of three.
//! Does not own: streams and clients.
//! Invariant: every configuration has passed `nats-server -t` before it is used, and every duration in it is quoted.

mod binary;
mod cluster;
mod config;

pub use self::binary::{VERSION_FLOOR, binary};
pub use self::cluster::NatsCluster;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::process::{Process, Signal, tail};
use crate::{Error, eventually, free_port};

const PROGRAM: &str = "nats-server";
const READY_WITHIN: Duration = Duration::from_secs(20);
const STOPPED_WITHIN: Duration = Duration::from_secs(10);
/// A chosen port can be taken by somebody else before the server has it.
const START_TRIES: usize = 4;

/// When JetStream brings an acknowledged message to the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncInterval {
    /// Every two minutes, after the acknowledgement: the server's default.
    Default,
    /// Before the acknowledgement.
    #[default]
    Always,
}

/// How a server is set up.
#[derive(Clone, Debug, Default)]
pub struct NatsOptions {
    /// When messages reach the disk.
    pub sync_interval: SyncInterval,
    /// The largest message in bytes; the server's default (1 MiB) if absent.
    pub payload_bytes_max: Option<usize>,
    /// The folder of the JetStream store; one in the server's temporary folder if absent.
    pub store: Option<PathBuf>,
    /// More lines for the configuration file.
    pub extra: String,
}

/// What a configuration file is made of, beside the options.
#[derive(Clone, Debug)]
struct Place {
    name: String,
    port: u16,
    monitor_port: u16,
    store: PathBuf,
    cluster: Option<Routes>,
}

/// A cluster's name, this server's route port, and all route ports.
#[derive(Clone, Debug)]
struct Routes {
    cluster: String,
    port: u16,
    all: Vec<u16>,
}

/// A nats-server. Ends when dropped.
#[derive(Debug)]
pub struct NatsServer {
    process: Process,
    binary: PathBuf,
    config: PathBuf,
    log: PathBuf,
    place: Place,
    _folder: TempDir,
}

impl NatsServer {
    /// Starts a server and waits until JetStream takes requests.
    pub async fn start(options: &NatsOptions) -> Result<Self, Error> {
        let mut last = None;
        for _ in 0..START_TRIES {
            let server = Self::spawn(options, free_port()?, "n1".to_owned(), None)?;
            match server.into_ready().await {
                Ok(server) => return Ok(server),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or(Error::Late { what: "the start of nats-server", limit: READY_WITHIN }))
    }

    fn spawn(options: &NatsOptions, port: u16, name: String, cluster: Option<Routes>) -> Result<Self, Error> {
        let binary = binary()?;
        let folder = tempfile::Builder::new()
            .prefix("paravox-nats-")
            .tempdir()
            .map_err(Error::file(std::env::temp_dir()))?;
        let store = options.store.clone().unwrap_or_else(|| folder.path().join("jetstream"));
        let place = Place { name, port, monitor_port: free_port()?, store, cluster };
        let config = folder.path().join("nats.conf");
        std::fs::write(&config, config::write(options, &place)).map_err(Error::file(&config))?;
        check_config(&binary, &config)?;
        let log = folder.path().join("nats.log");
        let process = Process::spawn(PROGRAM, Command::new(&binary).arg("-c").arg(&config), &log)?;
        Ok(Self { process, binary, config, log, place, _folder: folder })
    }

    async fn into_ready(mut self) -> Result<Self, Error> {
        self.wait_ready().await?;
        Ok(self)
    }

    /// Waits until the server says that it is healthy, JetStream included.
    pub async fn wait_ready(&mut self) -> Result<(), Error> {
        let monitor = SocketAddr::from((Ipv4Addr::LOCALHOST, self.place.monitor_port));
        let process = &mut self.process;
        let ready = eventually("nats-server's readiness", READY_WITHIN, async || {
            if let Err(ended) = process.check() {
                return Some(Err(ended));
            }
            healthy(monitor).await.then_some(Ok(()))
        })
        .await;
        match ready {
            Ok(ready) => ready,
            Err(Error::Late { .. }) => Err(Error::Failed {
                program: PROGRAM,
                detail: format!("not healthy within {READY_WITHIN:?}; {}", tail(&self.log)),
            }),
            Err(error) => Err(error),
        }
    }

    /// Where clients connect: `nats://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address())
    }

    /// The address that clients connect to.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.place.port))
    }

    /// The server's name, as streams name their leader.
    pub fn name(&self) -> &str {
        &self.place.name
    }

    /// Its process id.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Its log file.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The folder of its JetStream store.
    pub fn store(&self) -> &Path {
        &self.place.store
    }

    /// Halts it, so that connections stay open and nothing answers.
    pub fn pause(&self) -> Result<(), Error> {
        self.process.signal(Signal::Stop)
    }

    /// Lets it go on.
    pub fn resume(&self) -> Result<(), Error> {
        self.process.signal(Signal::Continue)
    }

    /// Ends it by force, as a lost machine would. [`Self::start_again`] brings it back with its data.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Ends it in good order.
    pub async fn stop(&mut self) -> Result<(), Error> {
        self.process.stop(Signal::Terminate, STOPPED_WITHIN).await
    }

    /// Starts it again after [`Self::kill`] or [`Self::stop`], with the same port and data, without waiting until it is
    /// ready.
    pub fn start_again(&mut self) -> Result<(), Error> {
        self.process =
            Process::spawn(PROGRAM, Command::new(&self.binary).arg("-c").arg(&self.config), &self.log)?;
        Ok(())
    }

    /// Ends it in good order, starts it again, and waits until it is ready.
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.stop().await?;
        self.start_again()?;
        self.wait_ready().await
    }
}

/// Has the server check a configuration file.
fn check_config(binary: &Path, config: &Path) -> Result<(), Error> {
    let output =
        Command::new(binary).arg("-t").arg("-c").arg(config).output().map_err(Error::file(binary))?;
    if output.status.success() {
        Ok(())
    } else {
        let detail = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Error::Failed { program: PROGRAM, detail })
    }
}

/// Asks the monitoring port once.
async fn healthy(monitor: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(monitor).await?;
        stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").await?;
        let mut answer = [0_u8; 64];
        let read = stream.read(&mut answer).await?;
        Ok::<_, std::io::Error>(answer[..read].windows(5).any(|window| window == b" 200 "))
    };
    matches!(tokio::time::timeout(Duration::from_secs(1), ask).await, Ok(Ok(true)))
}
