//! A stage for acceptance tests: a server, and people with phones.

use std::time::Duration;

use paravox::config::Config;
use paravox::keys;
use paravox::node::{Node, Outside, embedded_config};
use paravox_device::{Feed, Phone, Report, Server};
use paravox_harness::nats::{NatsOptions, NatsServer};
use paravox_harness::postgres::{Database, Postgres};
use tempfile::TempDir;

/// How long anything may take before a test has failed.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// Where a test plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Venue {
    /// One process, SQLite files.
    Embedded,
    /// NATS `JetStream` and PostgreSQL.
    Cluster,
}

/// What keeps the servers of a cluster alive.
pub(crate) struct Servers {
    _nats: NatsServer,
    _database: Database,
    _postgres: Postgres,
}

/// A running node with what it needs.
pub(crate) struct Stage {
    pub(crate) node: Option<Node>,
    pub(crate) server: Server,
    pub(crate) outside: Outside,
    pub(crate) config: Config,
    _folder: TempDir,
    _servers: Option<Servers>,
}

impl Stage {
    /// A node at this venue, with the configuration changed as the test needs it.
    pub(crate) async fn new(venue: Venue, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = embedded_config(folder.path());
        let servers = match venue {
            Venue::Embedded => None,
            Venue::Cluster => {
                let nats = NatsServer::start(&NatsOptions::default()).await.unwrap();
                let postgres = Postgres::start().await.unwrap();
                let database = postgres.create_database().await.unwrap();
                keys::init(&config.keys_directory()).unwrap();
                config.nats.url = Some(nats.url());
                config.postgres.url = Some(database.url());
                Some(Servers { _nats: nats, _database: database, _postgres: postgres })
            }
        };
        change(&mut config);
        let outside = Outside::collecting();
        let node = Node::start(&config, &outside).await.unwrap();
        node.leads().await.unwrap();
        let server = Server::new(node.url()).unwrap();
        Self { node: Some(node), server, outside, config, _folder: folder, _servers: servers }
    }

    /// Stops the node and starts it again on the same data.
    pub(crate) async fn restart(&mut self) {
        if let Some(node) = self.node.take() {
            node.stop().await;
        }
        let node = Node::start(&self.config, &self.outside).await.unwrap();
        node.leads().await.unwrap();
        self.server = Server::new(node.url()).unwrap();
        self.node = Some(node);
    }

    /// A phone that has proven this number.
    pub(crate) async fn phone(&self, number: &str) -> Phone {
        let registration = self.server.start_registration(number, "a phone").await.unwrap();
        let code = self.outside.code(number, LIMIT).await.expect("a short message with the code");
        let answer = self.server.prove(&registration, &code).await.unwrap();
        Phone::enrolled(&self.server, number, &answer).unwrap()
    }

    /// Ends the test: the node stops and everything is gone.
    pub(crate) async fn end(self) {
        if let Some(node) = self.node {
            node.stop().await;
        }
    }
}

/// Two people with their phones and feeds open.
pub(crate) struct Pair {
    pub(crate) alice: Phone,
    pub(crate) bob: Phone,
    pub(crate) alices: Feed,
    pub(crate) bobs: Feed,
}

/// Numbers that no two tests share.
pub(crate) fn number() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("+44790{:07}", 1_000_000 + NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Pair {
    /// Two people on a stage.
    pub(crate) async fn new(stage: &Stage) -> Self {
        let (alice, bob) = (stage.phone(&number()).await, stage.phone(&number()).await);
        let (alices, bobs) = (alice.feed(0).await.unwrap(), bob.feed(0).await.unwrap());
        Self { alice, bob, alices, bobs }
    }

    /// Alice calls Bob, both phones report it, both are told. Returns call and session.
    pub(crate) async fn call(&mut self, attempt: &str) -> (String, String) {
        let first = self.alice.report(&calling(&self.bob, "attempt", attempt)).await.unwrap();
        assert_eq!(first.body["outcome"], "waiting", "{}", first.body);
        let second = self.bob.report(&called(&self.alice, "alerting", attempt)).await.unwrap();
        assert_eq!(second.body["outcome"], "joined", "{}", second.body);
        assert_eq!(first.body["call"], second.body["call"]);
        let session = second.text("session").unwrap();
        for feed in [&mut self.alices, &mut self.bobs] {
            let opened = feed.next_of("session.opened", LIMIT).await.unwrap();
            assert_eq!(opened.text("session"), session);
        }
        (second.text("call").unwrap(), session)
    }
}

/// "I am calling …"
pub(crate) fn calling<'a>(other: &'a Phone, stage: &'a str, attempt: &'a str) -> Report<'a> {
    Report { other: Some(&other.number), role: "calling", stage, attempt: Some(attempt) }
}

/// "… is calling me."
pub(crate) fn called<'a>(other: &'a Phone, stage: &'a str, attempt: &'a str) -> Report<'a> {
    Report { other: Some(&other.number), role: "called", stage, attempt: Some(attempt) }
}

/// Runs a test on both venues.
macro_rules! on_both {
    ($(#[$meta:meta])* $name:ident, $body:expr) => {
        mod $name {
            use super::*;

            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn embedded() {
                let body = $body;
                body(crate::stage::Venue::Embedded).await;
            }

            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn cluster() {
                let body = $body;
                body(crate::stage::Venue::Cluster).await;
            }
        }
    };
}
pub(crate) use on_both;
