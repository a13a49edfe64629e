//! The journal in JetStream, on one server.

use std::path::Path;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::stream::{Config, DiscardPolicy};
use paravox_domain::commit::chain::Broken;
use paravox_domain::commit::{EncodedCommit, Position};
use paravox_domain::ports::{AnyJournal, AppendError, Follow, ReadError};
use paravox_harness::{NatsOptions, NatsServer, TcpProxy, eventually};
use paravox_journal::jetstream::{open, stream_name, subject};
use paravox_journal::{DATA_VERSION, JetStreamConfig, OpenError};

use crate::commits::{REALM, Writer};
use crate::fixture::{Damage, Fixture, LIMIT, Remote, append, changed, take};

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
    append(&journal, &commits[1]).await.unwrap();
    append(&journal, &commits[2]).await.unwrap();
    assert_eq!(journal.read(Position::START, 9).await.unwrap(), commits);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c3_i1_acknowledged_commits_outlive_the_servers_death() {
    let mut fixture = Server::start().await;
    let journal = fixture.open().await;
    let mut follower = journal.follow(Position::START).await.unwrap();
    let commits = Writer::new(1).commits(60);
    for (number, commit) in commits.iter().enumerate() {
        if number % 20 == 19 {
            fixture.server.kill();
            fixture.server.start_again().unwrap();
        }
        append(&journal, commit).await.unwrap();
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_what_has_passed_its_age_is_sent_to_the_archive() {
    let fixture = Server::start().await;
    let aging = JetStreamConfig { age_max: Some(Duration::from_millis(500)), ..config() };
    let journal = fixture.try_open(&aging).await.unwrap();
    let mut writer = Writer::new(1);
    for commit in writer.commits(3) {
        journal.append(&commit).await.unwrap();
    }
    let is_told = |refused: &ReadError| matches!(refused, ReadError::Trimmed { first: Position(4), .. });
    eventually("the end of the commits' age", LIMIT, async || {
        journal.read(Position::START, 9).await.err().map(|refused| assert!(is_told(&refused), "{refused}"))
    })
    .await
    .unwrap();
    assert_eq!(journal.end().await.unwrap(), Position(3));
    for after in [0, 2] {
        let mut follower = fixture.open().await.follow(Position(after)).await.unwrap();
        let refused = tokio::time::timeout(LIMIT, follower.next()).await.unwrap().unwrap_err();
        assert!(is_told(&refused), "{refused}");
    }
    let mut follower = fixture.open().await.follow(Position(3)).await.unwrap();
    let next = writer.commit(1);
    journal.append(&next).await.unwrap();
    assert_eq!(take(&mut follower, 1).await, [next]);
}

/// What a disk did to the record of one commit.
#[derive(Clone, Copy, Debug)]
enum BadDisk {
    /// A byte of its content is another: the server leaves the record out.
    Content,
    /// Its length is another: the server takes the stream to end before it.
    Length,
}

/// Changes a byte of this commit's record in the files in which the server keeps messages.
fn damage_files(folder: &Path, position: u64, how: BadDisk) -> usize {
    let mut damaged = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            damaged += damage_files(&path, position, how);
        } else if path.extension().is_some_and(|extension| extension == "blk") {
            // A record: length (4 bytes), sequence (8), time (8), length of the subject (2), subject, …
            let mut bytes = std::fs::read(&path).unwrap();
            let sequence = position.to_le_bytes();
            let record = (4..bytes.len() - 26)
                .find(|at| bytes[*at..].starts_with(&sequence) && bytes[at + 18..].starts_with(b"paravox."));
            if let Some(sequence_at) = record {
                let at = match how {
                    BadDisk::Content => sequence_at + 200,
                    BadDisk::Length => sequence_at - 2,
                };
                bytes[at] ^= 1;
                std::fs::write(&path, bytes).unwrap();
                damaged += 1;
            }
        }
    }
    damaged
}

/// A journal of 20 commits whose 15th was damaged on the disk, and a follower that had read them all.
async fn on_a_bad_disk(how: BadDisk) -> (Server, Vec<EncodedCommit>, Box<dyn Follow>) {
    let mut fixture = Server::start().await;
    let journal = fixture.open().await;
    let commits = Writer::new(1).commits(20);
    for commit in &commits {
        journal.append(commit).await.unwrap();
    }
    let mut at_rest = fixture.open().await.follow(Position::START).await.unwrap();
    take(&mut at_rest, 20).await;
    fixture.server.stop().await.unwrap();
    assert_eq!(damage_files(fixture.server.store(), 15, how), 1);
    fixture.server.start_again().unwrap();
    fixture.server.wait_ready().await.unwrap();
    (fixture, commits, at_rest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_a_record_that_the_server_leaves_out_is_told_to_every_reader() {
    let (fixture, commits, _) = on_a_bad_disk(BadDisk::Content).await;
    let journal = fixture.open().await;
    assert_eq!(journal.read(Position::START, 100).await.unwrap(), commits[..14]);
    for after in [0, 13, 14] {
        let mut follower = journal.follow(Position(after)).await.unwrap();
        take(&mut follower, 14 - after as usize).await;
        let error = follower.next().await.unwrap_err();
        assert!(matches!(error, ReadError::Broken(Broken::Gap { expected: Position(15), .. })), "{error}");
    }
    // Who has read it long ago, but asks where it was, is told as well.
    let mut follower = journal.follow(Position(15)).await.unwrap();
    assert!(follower.next().await.unwrap_err().is_damage());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_an_end_that_the_server_has_lost_is_told_to_every_reader_that_was_there() {
    let (fixture, commits, mut at_rest) = on_a_bad_disk(BadDisk::Length).await;
    let journal = fixture.open().await;
    assert_eq!(journal.read(Position::START, 100).await.unwrap(), commits[..14]);
    let mut anew = journal.follow(Position(20)).await.unwrap();
    for follower in [&mut anew, &mut at_rest] {
        let error = tokio::time::timeout(LIMIT, follower.next()).await.unwrap().unwrap_err();
        let gap = Broken::Gap { expected: Position(20), found: Position(14) };
        assert!(matches!(error, ReadError::Broken(found) if found == gap));
    }
}
