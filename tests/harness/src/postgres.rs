//! PostgreSQL for tests: a server that is given, or one of our own in a temporary folder.
//!
//! Owns: the choice between the two, start and end of our own, and a fresh database for each test.
//! Does not own: any schema.
//! Invariant: a server that was given is never stopped; a database that was created here is dropped.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tempfile::TempDir;

use crate::process::{Process, tail};
use crate::{Error, eventually, free_port};

/// The variable that may name a server on which databases can be created.
pub const VARIABLE: &str = "PARAVOX_TEST_POSTGRES";

const PROGRAM: &str = "postgres";
const READY_WITHIN: Duration = Duration::from_secs(30);
const START_TRIES: usize = 4;

/// The server that this process has started, if any value still stands for it.
static OWN: Mutex<Weak<Server>> = Mutex::new(Weak::new());
/// Only one start at a time.
static STARTING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A PostgreSQL server on which databases can be created. Our own one ends with the last value that stands for it.
#[derive(Clone, Debug)]
pub struct Postgres {
    options: PgConnectOptions,
    own: Option<Arc<Server>>,
}

#[derive(Debug)]
struct Server {
    process: Mutex<Process>,
    port: u16,
    _folder: TempDir,
}

impl Postgres {
    /// The server that [`VARIABLE`] names, or our own one: started by the first call, shared by the others.
    pub async fn start() -> Result<Self, Error> {
        if let Some(url) = std::env::var(VARIABLE).ok().filter(|url| !url.is_empty()) {
            return Ok(Self { options: PgConnectOptions::from_str(&url)?, own: None });
        }
        let _one_at_a_time = STARTING.lock().await;
        let running = OWN.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        let server = if let Some(server) = running {
            server
        } else {
            let server = Arc::new(Server::start().await?);
            *OWN.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&server);
            server
        };
        Ok(Self { options: server.options(), own: Some(server) })
    }

    /// Creates a fresh, empty database.
    pub async fn create_database(&self) -> Result<Database, Error> {
        let name = format!("paravox_test_{}_{}", std::process::id(), free_port()?);
        let mut connection = self.options.connect().await?;
        let statement = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'");
        sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await?;
        connection.close().await?;
        Ok(Database { server: self.clone(), name })
    }

    /// The process id of our own server; `None` for one that was given.
    pub fn process_id(&self) -> Option<u32> {
        let own = self.own.as_ref()?;
        Some(own.process.lock().unwrap_or_else(PoisonError::into_inner).id())
    }
}

/// A database of its own. Dropped with the value.
#[derive(Debug)]
pub struct Database {
    server: Postgres,
    name: String,
}

impl Database {
    /// Where clients connect: `postgres://…/<name>`.
    pub fn url(&self) -> String {
        self.options().to_url_lossy().to_string()
    }

    /// The same, through something that stands between, such as a [`crate::TcpProxy`].
    pub fn url_through(&self, address: SocketAddr) -> String {
        let options = self.options().host(&address.ip().to_string()).port(address.port());
        options.to_url_lossy().to_string()
    }

    /// The server's own address.
    pub async fn address(&self) -> Result<SocketAddr, Error> {
        let (host, port) = (self.server.options.get_host().to_owned(), self.server.options.get_port());
        let mut found = tokio::net::lookup_host((host, port)).await?;
        found.next().ok_or_else(|| Error::Network(std::io::Error::other("the server's host has no address")))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn options(&self) -> PgConnectOptions {
        self.server.options.clone().database(&self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.server.own.is_some() {
            // Goes with the server's folder.
            return;
        }
        let (options, name) = (self.server.options.clone(), self.name.clone());
        // A thread of its own, since the runtime that drops the value must not be blocked on itself.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(async {
                let mut connection: PgConnection = options.connect().await.ok()?;
                let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.ok()
            })
        });
        // What cannot be dropped stays on a server for tests; there is nobody to tell.
        let _ = dropping.join();
    }
}

impl Server {
    async fn start() -> Result<Self, Error> {
        let user = Unprivileged::find()?;
        // Root's own temporary folder may be closed to the user that runs the server.
        let parent = if user.is_some() { PathBuf::from("/tmp") } else { std::env::temp_dir() };
        let folder = tempfile::Builder::new()
            .prefix("paravox-postgres-")
            .tempdir_in(&parent)
            .map_err(Error::file(parent))?;
        if let Some(user) = &user {
            chown(folder.path(), Some(user.uid), Some(user.gid)).map_err(Error::file(folder.path()))?;
        }
        let data = folder.path().join("data");
        initialize(&data, user.as_ref())?;
        let log = folder.path().join("postgres.log");
        let mut last = None;
        for _ in 0..START_TRIES {
            let port = free_port()?;
            let mut process = spawn(&data, port, user.as_ref(), &log)?;
            match wait_ready(&mut process, port, &log).await {
                Ok(()) => return Ok(Self { process: Mutex::new(process), port, _folder: folder }),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or(Error::Late { what: "the start of PostgreSQL", limit: READY_WITHIN }))
    }

    fn options(&self) -> PgConnectOptions {
        options(self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let process = self.process.get_mut().unwrap_or_else(PoisonError::into_inner);
        // The immediate shutdown also ends the server's own children, which a kill would orphan.
        if process.check().is_ok() && process.signal(crate::process::Signal::Quit).is_ok() {
            process.wait_briefly();
        }
    }
}

fn options(port: u16) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .host(&Ipv4Addr::LOCALHOST.to_string())
        .port(port)
        .username("postgres")
        .database("postgres")
        .ssl_mode(sqlx::postgres::PgSslMode::Disable)
}

fn initialize(data: &Path, user: Option<&Unprivileged>) -> Result<(), Error> {
    let program = program("initdb")?;
    let mut command = Command::new(&program);
    command.arg("--pgdata").arg(data).args([
        "--username=postgres",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    ]);
    run_as(&mut command, user);
    let output = command.output().map_err(Error::file(&program))?;
    if output.status.success() {
        return Ok(());
    }
    let detail = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::Failed { program: "initdb", detail })
}

fn spawn(data: &Path, port: u16, user: Option<&Unprivileged>, log: &Path) -> Result<Process, Error> {
    let mut command = Command::new(program(PROGRAM)?);
    command.arg("-D").arg(data).arg("-p").arg(port.to_string()).args([
        "-c",
        "listen_addresses=127.0.0.1",
        "-c",
        "unix_socket_directories=",
        "-c",
        "max_connections=200",
    ]);
    run_as(&mut command, user);
    Process::spawn(PROGRAM, &mut command, log)
}

async fn wait_ready(process: &mut Process, port: u16, log: &Path) -> Result<(), Error> {
    let options = options(port);
    let ready = eventually("PostgreSQL's readiness", READY_WITHIN, async || {
        if let Err(ended) = process.check() {
            return Some(Err(ended));
        }
        let connection = options.connect().await.ok()?;
        Some(connection.close().await.map_err(Error::from))
    })
    .await;
    match ready {
        Ok(ready) => ready,
        Err(_) => Err(Error::Failed { program: PROGRAM, detail: tail(log) }),
    }
}

/// PostgreSQL refuses to run as root; this is who runs it then.
#[derive(Debug)]
struct Unprivileged {
    uid: u32,
    gid: u32,
}

impl Unprivileged {
    /// `None` if this process is not root.
    fn find() -> Result<Option<Self>, Error> {
        if id("-u", None) != Some(0) {
            return Ok(None);
        }
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| Some(Self { uid: id("-u", Some(name))?, gid: id("-g", Some(name))? }))
            .map(Some)
            .ok_or(Error::Failed { program: PROGRAM, detail: "no unprivileged user to run it as".to_owned() })
    }
}

fn id(which: &str, user: Option<&str>) -> Option<u32> {
    let output = Command::new("id").arg(which).args(user).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

fn run_as(command: &mut Command, user: Option<&Unprivileged>) {
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
    // A folder that every user may enter.
    command.current_dir("/");
}

/// A program of PostgreSQL: on `PATH`, or where Debian keeps it, the newest version first.
fn program(name: &'static str) -> Result<PathBuf, Error> {
    let on_path = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|candidate| candidate.is_file())
    });
    on_path.or_else(|| newest_debian(name)).ok_or(Error::NotFound { program: name, variable: VARIABLE })
}

fn newest_debian(name: &str) -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    versions
        .flatten()
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            let program = entry.path().join("bin").join(name);
            program.is_file().then_some((version, program))
        })
        .max()
        .map(|(_, program)| program)
}
