//! Leading, stepping down, taking over, ending.

use paravox_domain::command::Actor;
use paravox_domain::ports::{Commands, Refused};
use paravox_writer::Status;

use crate::people::{Person, command, in_session, start_fresh};
use crate::stage::{Stage, eventually, leads, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_takes_over_with_everything_that_was_acknowledged() {
    let stage = Stage::new();
    let first = stage.leader().await;
    let standby = stage.writer();
    let (ann, bob) = (Person::registered(&first, 1).await, Person::registered(&first, 2).await);
    let (_, session) = in_session(&first, &ann, &bob).await;
    first.submit(ann.says(session, "one")).await.expect("it is said");
    assert!(matches!(standby.submit(ann.says(session, "two")).await, Err(Refused::NoWriter { .. })));
    let end = stage.end().await;
    eventually(async || *standby.status().borrow() == Status::Follower { position: end }).await;

    within(first.shutdown()).await;
    leads(&standby).await;
    let outcome = standby.submit(bob.says(session, "two")).await.expect("the standby knows the session");
    assert!(matches!(outcome.answer, paravox_domain::answer::Answer::MessageSent { number: 2, .. }));
    assert!(matches!(&*standby.status().borrow(), Status::Leader { epoch: 2, .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_loses_its_lease_steps_down_and_comes_back_with_it() {
    let stage = Stage::new();
    let writer = stage.leader().await;
    writer.submit(command(Actor::Anyone, start_fresh(1))).await.expect("it is done");
    stage.leases.take_away();
    let mut status = writer.status();
    within(status.wait_for(|status| matches!(status, Status::Follower { .. }))).await.unwrap();
    let refused = writer.submit(command(Actor::Anyone, start_fresh(1))).await;
    assert!(matches!(refused, Err(Refused::NoWriter { .. })), "{refused:?}");
    stage.leases.free();
    leads(&writer).await;
    writer.submit(command(Actor::Anyone, start_fresh(1))).await.expect("it is done");
    assert!(matches!(&*writer.status().borrow(), Status::Leader { epoch: 2, .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r1_shutting_down_loses_nothing_that_was_acknowledged() {
    let stage = Stage::new();
    let writer = stage.leader().await;
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..500 {
        let writer = writer.clone();
        asked.spawn(async move { writer.submit(command(Actor::Anyone, start_fresh(1))).await });
    }
    within(writer.shutdown()).await;
    let results = within(asked.join_all()).await;
    let done = results.iter().filter(|result| result.is_ok()).count();
    assert!(results.iter().all(|result| matches!(result, Ok(_) | Err(Refused::NoWriter { .. }))));
    let commits = stage.commits().await;
    assert_eq!(commits.iter().map(|commit| commit.events.len()).sum::<usize>(), done);
    assert!(matches!(&*writer.status().borrow(), Status::Stopped { .. }));
    // The lease was given back.
    stage.leader().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_that_both_believe_to_lead_make_one_history() {
    let stage = Stage::new();
    let first = stage.leader().await;
    // A second lease, as if the first one had run out unnoticed.
    let other = Stage { leases: std::sync::Arc::default(), ..stage };
    let second = other.leader().await;
    let mut asked = tokio::task::JoinSet::new();
    for n in 0..200 {
        let writer = if n % 2 == 0 { first.clone() } else { second.clone() };
        asked.spawn(async move {
            tokio::time::sleep(std::time::Duration::from_millis(n)).await;
            writer.submit(command(Actor::Anyone, start_fresh(1))).await
        });
    }
    let results = within(asked.join_all()).await;
    let done = results.iter().filter(|result| result.is_ok()).count();
    assert!(done > 0);
    let commits = other.commits().await;
    let events = commits.iter().map(|commit| commit.events.len()).sum::<usize>();
    assert_eq!(events, done, "what was acknowledged is there, and nothing else in this run");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_a_changed_byte_stops_the_writer_and_says_so() {
    let stage = Stage::new();
    let writer = stage.leader().await;
    writer.submit(command(Actor::Anyone, start_fresh(1))).await.expect("it is done");
    let end = stage.end().await;
    within(writer.shutdown()).await;
    assert!(stage.journal.change_byte(end, 10));
    let writer = stage.writer();
    let mut status = writer.status();
    let stopped = within(status.wait_for(|status| matches!(status, Status::Stopped { .. }))).await.unwrap();
    let Status::Stopped { why } = &*stopped else { unreachable!("it was waited for") };
    assert!(why.contains("damaged"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_keeps_less_than_calls_may_last_is_refused() {
    let stage = Stage::new();
    let writer = stage.leader().await;
    let outcome = writer.submit(command(Actor::Anyone, start_fresh(1))).await.expect("it is done");
    writer.submit(command(Actor::Anyone, start_fresh(1))).await.expect("it is done");
    within(writer.shutdown()).await;
    stage.journal.trim(outcome.position);
    let writer = stage.writer();
    let mut status = writer.status();
    let stopped = within(status.wait_for(|status| matches!(status, Status::Stopped { .. }))).await.unwrap();
    let Status::Stopped { why } = &*stopped else { unreachable!("it was waited for") };
    assert!(why.contains("keep more"), "{why}");
}
