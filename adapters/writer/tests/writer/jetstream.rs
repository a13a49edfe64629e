//! The writer on a real server.

use std::time::Duration;

use paravox_domain::command::Actor;
use paravox_domain::commit::Position;
use paravox_domain::ports::Commands;
use paravox_harness::{NatsOptions, NatsServer};
use paravox_journal::{JetStreamConfig, jetstream};
use paravox_writer::Status;

use crate::people::{repeatable, start_fresh};
use crate::stage::{Stage, leads, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r2_a_restart_of_the_server_loses_nothing_and_repeats_nothing() {
    let mut server = NatsServer::start(&NatsOptions::default()).await.expect("nats-server starts");
    let client = async_nats::connect(server.url()).await.expect("it lets us in");
    let journal = jetstream::open(client, &JetStreamConfig::new("test")).await.expect("the journal opens");
    let stage = Stage::with(|config| config.append_patience = Duration::from_secs(30));
    let writer = stage.writer_on(journal.clone());
    leads(&writer).await;

    let mut asked = tokio::task::JoinSet::new();
    for caller in 0..16_u64 {
        let writer = writer.clone();
        asked.spawn(async move {
            for round in 0..40 {
                tokio::time::sleep(Duration::from_millis((caller + round) % 40)).await;
                let command = repeatable(Actor::Anyone, start_fresh(1));
                writer.submit(command).await.expect("it is only late");
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.kill();
    server.start_again().expect("it starts");
    server.wait_ready().await.expect("it comes back");
    tokio::time::timeout(Duration::from_mins(1), asked.join_all()).await.expect("all are answered");

    let (mut after, mut events) = (Position::START, 0);
    loop {
        let commits = within(journal.read(after, 1_000)).await.expect("the journal is whole");
        let Some(last) = commits.last() else { break };
        after = last.position();
        for commit in &commits {
            events += commit.decode().expect("it was written well").events.len();
        }
    }
    assert_eq!(events, 16 * 40, "each command has one outcome");
    assert!(matches!(&*writer.status().borrow(), Status::Leader { epoch: 1, .. }), "nobody took over");
    within(writer.shutdown()).await;
}
