//! The journal in JetStream, on one server.

use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::stream::{Config, DiscardPolicy};
use paravox_domain::commit::{EncodedCommit, Position};
use paravox_domain::ports::{AnyJournal, AppendError};
use paravox_harness::{NatsOptions, NatsServer, TcpProxy};
use paravox_journal::jetstream::{open, stream_name, subject};
use paravox_journal::{DATA_VERSION, JetStreamConfig, OpenError};

use crate::commits::{REALM, Writer};
use crate::fixture::{Damage, Fixture, Remote, append_settled, changed, take};

struct Server {
    server: NatsServer,
}

fn config() -> JetStreamConfig {
    JetStreamConfig {
        open_timeout: Duration::from_secs(2),
        append_timeout: Duration::from_secs(1),
        read_timeout: Duration::from_secs(1),
        ..JetStreamConfig::new(REALM)
    }
}

impl Server {
    async fn client(&self) -> async_nats::Client {
        async_nats::connect(self.server.url()).await.unwrap()
    }

    async fn put(&self, bytes: Vec<u8>) {
        let context = jetstream::new(self.client().await);
        context.publish(subject(REALM), bytes.into()).await.unwrap().await.unwrap();
    }

    async fn try_open(&self, config: &JetStreamConfig) -> Result<AnyJournal, OpenError> {
        open(self.client().await, config).await
    }
}

impl Fixture for Server {
    async fn start() -> Self {
        Self { server: NatsServer::start(&NatsOptions::default()).await.unwrap() }
    }

    async fn open(&self) -> AnyJournal {
        self.try_open(&config()).await.unwrap()
    }

    async fn hold_damaged(&self, commits: &[EncodedCommit], damage: Damage) {
        // The stream itself refuses changes and deletions; what a damaged store would hand out is put in its place.
        drop(self.open().await);
        self.put(commits[0].bytes().to_vec()).await;
        if damage == Damage::ChangedByte {
            self.put(changed(&commits[1])).await;
        }
        self.put(commits[2].bytes().to_vec()).await;
    }
}

impl Remote for Server {
    async fn open_through_proxy(&self) -> (AnyJournal, TcpProxy) {
        let proxy = TcpProxy::start(self.server.address()).await.unwrap();
        let client = async_nats::ConnectOptions::new()
            .ignore_discovered_servers()
            .connect(format!("nats://{}", proxy.address()))
            .await
            .unwrap();
        (open(client, &config()).await.unwrap(), proxy)
    }
}

crate::suite::contract!(Server);
crate::suite::remote_contract!(Server);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_may_be_pipelined() {
    let fixture = Server::start().await;
    let journal = fixture.open().await;
    let commits = Writer::new(1).commits(200);
    // All are under way at once, and first polled in no particular order.
    let appends: Vec<_> = commits.iter().map(|commit| journal.append(commit)).collect();
    for outcome in futures_util::future::join_all(appends).await {
        outcome.unwrap();
    }
    assert!(fixture.open().await.read(Position::START, 500).await.unwrap() == commits);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i1_an_append_to_a_server_that_hangs_is_settled_when_it_goes_on() {
    let fixture = Server::start().await;
    let journal = fixture.open().await;
    let commits = Writer::new(1).commits(3);
    journal.append(&commits[0]).await.unwrap();
    fixture.server.pause().unwrap();
    let outcome = journal.append(&commits[1]).await;
    assert!(matches!(outcome, Err(AppendError::Unconfirmed(_))), "{outcome:?}");
    fixture.server.resume().unwrap();
    append_settled(&journal, &commits[1]).await;
    append_settled(&journal, &commits[2]).await;
    assert_eq!(journal.read(Position::START, 9).await.unwrap(), commits);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i1_acknowledged_commits_outlive_the_servers_death() {
    let mut fixture = Server::start().await;
    let journal = fixture.open().await;
    let mut follower = journal.follow(Position::START).await.unwrap();
    let commits = Writer::new(1).commits(60);
    for (number, commit) in commits.iter().enumerate() {
        if number % 20 == 19 {
            fixture.server.kill();
            fixture.server.start_again().unwrap();
        }
        append_settled(&journal, commit).await;
    }
    assert!(take(&mut follower, 60).await == commits);
    assert!(fixture.open().await.read(Position::START, 100).await.unwrap() == commits);
}

#[tokio::test]
async fn i2_the_stream_refuses_to_forget() {
    let fixture = Server::start().await;
    let journal = fixture.open().await;
    let commits = Writer::new(1).commits(3);
    for commit in &commits {
        journal.append(commit).await.unwrap();
    }
    let context = jetstream::new(fixture.client().await);
    let stream = context.get_stream(stream_name(REALM)).await.unwrap();
    assert!(stream.delete_message(2).await.is_err());
    assert!(stream.purge().await.is_err());
    let mut config = stream.cached_info().config.clone();
    config.deny_delete = false;
    assert!(context.update_stream(&config).await.is_err());
    assert_eq!(fixture.open().await.read(Position::START, 9).await.unwrap(), commits);
}

#[tokio::test]
async fn data_of_a_later_version_and_of_another_realm_are_told_and_left_alone() {
    let fixture = Server::start().await;
    drop(fixture.open().await);
    let context = jetstream::new(fixture.client().await);
    let stream = context.get_stream(stream_name(REALM)).await.unwrap();
    let mut marked = stream.cached_info().config.clone();
    marked.metadata.insert("paravox.realm".to_owned(), "other".to_owned());
    context.update_stream(&marked).await.unwrap();
    let refused = fixture.try_open(&config()).await.err().unwrap();
    assert!(matches!(refused, OpenError::OtherRealm { .. }), "{refused}");

    let later = DATA_VERSION + 1;
    marked.metadata.insert("paravox.data-version".to_owned(), later.to_string());
    context.update_stream(&marked).await.unwrap();
    let refused = fixture.try_open(&config()).await.err().unwrap();
    assert!(
        matches!(refused, OpenError::NewerData { found, known: DATA_VERSION } if found == later),
        "{refused}"
    );
}

#[tokio::test]
async fn a_stream_that_could_lose_commits_is_refused() {
    let fixture = Server::start().await;
    let context = jetstream::new(fixture.client().await);
    let made_by_hand = Config {
        name: stream_name(REALM),
        subjects: vec![subject(REALM)],
        discard: DiscardPolicy::Old,
        metadata: [("paravox.data-version", "1"), ("paravox.realm", REALM)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        ..Config::default()
    };
    context.create_stream(&made_by_hand).await.unwrap();
    let refused = fixture.try_open(&config()).await.err().unwrap();
    assert!(matches!(refused, OpenError::UnsafeSetting { setting: "discard", .. }), "{refused}");
}

#[tokio::test]
async fn a_server_that_takes_only_small_messages_is_refused() {
    let options = NatsOptions { payload_bytes_max: Some(64 * 1024), ..NatsOptions::default() };
    let fixture = Server { server: NatsServer::start(&options).await.unwrap() };
    let refused = fixture.try_open(&config()).await.err().unwrap();
    assert!(matches!(refused, OpenError::UnsafeSetting { setting: "max_payload", .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i9_a_full_stream_refuses_and_drops_nothing() {
    let fixture = Server::start().await;
    let limited = JetStreamConfig { stream_bytes_max: Some(20_000), ..config() };
    let journal = fixture.try_open(&limited).await.unwrap();
    let mut writer = Writer::new(1);
    let mut taken = Vec::new();
    loop {
        let commit = writer.commit(5);
        match journal.append(&commit).await {
            Ok(()) => taken.push(commit),
            Err(AppendError::Unavailable(_) | AppendError::Unconfirmed(_)) => break,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(!taken.is_empty());
    assert!(journal.read(Position::START, 500).await.unwrap() == taken);
}
