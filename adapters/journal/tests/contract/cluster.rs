//! The journal in JetStream, on three servers with three replicas.

use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::context::PublishErrorKind;
use futures_util::future::join_all;
use paravox_domain::commit::{EncodedCommit, Position};
use paravox_domain::ports::{AnyJournal, AppendError};
use paravox_harness::{NatsCluster, NatsOptions, eventually};
use paravox_journal::JetStreamConfig;
use paravox_journal::jetstream::{open, stream_name, subject};

use crate::commits::{REALM, Writer};
use crate::fixture::{Damage, Fixture, LIMIT, append, changed, read, take};

struct Cluster {
    cluster: NatsCluster,
}

fn config() -> JetStreamConfig {
    JetStreamConfig {
        replicas: 3,
        append_timeout: Duration::from_secs(2),
        read_timeout: Duration::from_secs(2),
        ..JetStreamConfig::new(REALM)
    }
}

impl Cluster {
    async fn client(&self) -> async_nats::Client {
        // As the program connects: a server that hangs is left within seconds.
        async_nats::ConnectOptions::new()
            .ping_interval(Duration::from_secs(1))
            .connect(self.cluster.urls().split(',').collect::<Vec<_>>())
            .await
            .unwrap()
    }

    async fn put(&self, bytes: Vec<u8>) {
        let context = jetstream::new(self.client().await);
        eventually("a publish while there is a leader", LIMIT, async || {
            let stored = context.publish(subject(REALM), bytes.clone().into()).await.unwrap().await;
            match stored {
                Ok(_) => Some(()),
                // Nobody leads the stream at the moment: nothing was stored.
                Err(error) if error.kind() == PublishErrorKind::StreamNotFound => None,
                Err(error) => panic!("{error}"),
            }
        })
        .await
        .unwrap();
    }

    /// The name of the server that leads the stream.
    async fn leader(&self) -> String {
        let context = jetstream::new(self.client().await);
        eventually("a leader of the stream", LIMIT, async || {
            let stream = context.get_stream(stream_name(REALM)).await.ok()?;
            stream.cached_info().cluster.as_ref()?.leader.clone()
        })
        .await
        .unwrap()
    }
}

impl Fixture for Cluster {
    async fn start() -> Self {
        Self { cluster: NatsCluster::start(&NatsOptions::default()).await.unwrap() }
    }

    async fn open(&self) -> AnyJournal {
        open(self.client().await, &config()).await.unwrap()
    }

    async fn hold_damaged(&self, commits: &[EncodedCommit], damage: Damage) {
        drop(self.open().await);
        self.put(commits[0].bytes().to_vec()).await;
        if damage == Damage::ChangedByte {
            self.put(changed(&commits[1])).await;
        }
        self.put(commits[2].bytes().to_vec()).await;
    }
}

crate::suite::contract!(Cluster);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i1_nothing_acknowledged_is_lost_when_the_leader_dies() {
    let mut fixture = Cluster::start().await;
    let journal = fixture.open().await;
    let apart = fixture.open().await;
    let mut follower = apart.follow(Position::START).await.unwrap();
    let commits = Writer::new(1).commits(120);
    let mut killed = None;
    for (number, commit) in commits.iter().enumerate() {
        if number == 40 {
            let leader = fixture.leader().await;
            fixture.cluster.server(&leader).unwrap().kill();
            killed = Some(leader);
        }
        if number == 80
            && let Some(killed) = &killed
        {
            fixture.cluster.server(killed).unwrap().start_again().unwrap();
        }
        append(&journal, commit).await.unwrap();
    }
    assert!(take(&mut follower, commits.len()).await == commits);
    let fresh = fixture.open().await;
    assert!(read(&fresh, Position::START, 500).await.unwrap() == commits);
    let next = Writer::after(2, &commits[119]).commit(1);
    append(&fresh, &next).await.unwrap();
    assert_eq!(take(&mut follower, 1).await, [next]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i1_nothing_acknowledged_is_lost_with_appends_in_flight_when_the_leader_hangs() {
    let mut fixture = Cluster::start().await;
    let journal = fixture.open().await;
    let commits = Writer::new(1).commits(160);
    let mut paused = None;
    for (number, window) in commits.chunks(8).enumerate() {
        if number == 6 {
            let leader = fixture.leader().await;
            fixture.cluster.server(&leader).unwrap().pause().unwrap();
            paused = Some(leader);
        }
        if number == 14
            && let Some(paused) = &paused
        {
            fixture.cluster.server(paused).unwrap().resume().unwrap();
        }
        // All of a window are under way at once, and again until each is acknowledged.
        eventually("a window of appends", LIMIT * 2, async || {
            let outcomes = join_all(window.iter().map(|commit| journal.append(commit))).await;
            let open = outcomes.into_iter().filter_map(Result::err).inspect(|error| {
                assert!(!matches!(error, AppendError::Fenced { .. }), "{error}");
            });
            (open.count() == 0).then_some(())
        })
        .await
        .unwrap();
    }
    let fresh = fixture.open().await;
    assert!(read(&fresh, Position::START, 500).await.unwrap() == commits);
}
