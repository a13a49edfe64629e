//! A command id has one outcome (invariant 5).

use std::sync::atomic::Ordering;

use paravox_domain::command::Actor;
use paravox_domain::id::{CommandId, Id};
use paravox_domain::ports::{Commands, Refused};
use paravox_domain::time::Span;

use crate::people::{command, next, repeatable, start_fresh};
use crate::stage::{Stage, eventually, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i5_a_repeat_gets_the_first_answer() {
    let stage = Stage::new();
    let writer = stage.leader().await;
    let asked = repeatable(Actor::Anyone, start_fresh(1));
    let first = writer.submit(asked.clone()).await.expect("it is done");
    let end = stage.end().await;
    let again = writer.submit(asked).await.expect("it is answered");
    assert!(!first.replayed && again.replayed);
    assert_eq!((first.answer, first.position), (again.answer, again.position));
    assert_eq!(stage.end().await, end);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i5_the_same_id_for_another_request_is_refused() {
    let stage = Stage::new();
    let writer = stage.leader().await;
    let asked = repeatable(Actor::Anyone, start_fresh(1));
    writer.submit(asked.clone()).await.expect("it is done");
    let mut other = asked;
    other.fingerprint = 2;
    assert_eq!(writer.submit(other).await, Err(Refused::OtherRequest));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i5_two_hundred_repeats_at_once_have_one_outcome() {
    let stage = Stage::new();
    let writer = stage.leader().await;
    let asked = repeatable(Actor::Anyone, start_fresh(1));
    let mut repeats = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (writer, asked) = (writer.clone(), asked.clone());
        repeats.spawn(async move { writer.submit(asked).await });
    }
    let results = within(repeats.join_all()).await;
    let done = results.iter().filter(|result| matches!(result, Ok(outcome) if !outcome.replayed)).count();
    assert_eq!(done, 1);
    assert!(results.iter().all(|result| matches!(result, Ok(_) | Err(Refused::UnderWay))), "{results:?}");
    let commits = stage.commits().await;
    assert_eq!(commits.iter().map(|commit| commit.events.len()).sum::<usize>(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i5_a_rejected_command_is_decided_afresh() {
    let stage = Stage::new();
    let writer = stage.leader().await;
    let mut asked = repeatable(Actor::Server, start_fresh(1));
    assert!(matches!(writer.submit(asked.clone()).await, Err(Refused::Rejected(_))));
    asked.actor = Actor::Anyone;
    assert!(!writer.submit(asked).await.expect("it is done").replayed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i5_ids_are_remembered_beyond_the_window_and_across_a_restart() {
    let stage = Stage::with(|config| config.window_ids_max = 4);
    let writer = stage.leader().await;
    let asked = repeatable(Actor::Anyone, start_fresh(1));
    let first = writer.submit(asked.clone()).await.expect("it is done");
    stage.archived().await;
    for _ in 0..20 {
        writer.submit(repeatable(Actor::Anyone, start_fresh(1))).await.expect("it is done");
    }
    let again = writer.submit(asked.clone()).await.expect("it is answered");
    assert!(again.replayed && again.answer == first.answer && again.position >= first.position);
    assert!(stage.archive.asked_settled.load(Ordering::SeqCst) > 0, "it had left the window");
    within(writer.shutdown()).await;

    let writer = stage.leader().await;
    stage.archived().await;
    let again = writer.submit(asked.clone()).await.expect("it is answered");
    assert!(again.replayed && again.answer == first.answer);
    let mut other = asked;
    other.fingerprint = 9;
    assert_eq!(writer.submit(other).await, Err(Refused::OtherRequest));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i5_what_the_archive_does_not_have_stays_in_the_window() {
    let stage = Stage::with(|config| config.window_ids_max = 1);
    stage.archive.pause(true);
    let writer = stage.leader().await;
    let asked: Vec<_> = (0..20).map(|_| repeatable(Actor::Anyone, start_fresh(1))).collect();
    for command in &asked {
        writer.submit(command.clone()).await.expect("it is done");
    }
    for command in &asked {
        assert!(writer.submit(command.clone()).await.expect("it is answered").replayed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i9_repeatable_commands_are_refused_when_no_more_can_be_remembered() {
    let stage = Stage::with(|config| {
        config.window_ids_max = 1;
        config.unconfirmed_ids_max = 5;
    });
    stage.archive.pause(true);
    let writer = stage.leader().await;
    for _ in 0..5 {
        writer.submit(repeatable(Actor::Anyone, start_fresh(1))).await.expect("it is done");
    }
    let refused = writer.submit(repeatable(Actor::Anyone, start_fresh(1))).await;
    assert!(matches!(refused, Err(Refused::Busy { .. })), "{refused:?}");
    writer.submit(command(Actor::Anyone, start_fresh(1))).await.expect("others go on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i5_ids_from_before_a_trimmed_beginning_are_known_by_the_archive() {
    let stage = Stage::new();
    let writer = stage.leader().await;
    let asked = repeatable(Actor::Anyone, start_fresh(1));
    let first = writer.submit(asked.clone()).await.expect("it is done");
    within(writer.shutdown()).await;
    stage.archived().await;
    // Beyond what can still be going on, and within the time that ids are remembered: a later stamp by hand.
    stage.clock.advance(Span::seconds(23 * 3600));
    let writer = stage.leader().await;
    writer.submit(command(Actor::Anyone, start_fresh(1))).await.expect("it is done");
    within(writer.shutdown()).await;
    stage.archived().await;
    stage.journal.trim(first.position);
    stage.clock.advance(Span::seconds(40 * 3600));

    let mut config = stage.config.clone();
    config.remembered_for = Span::seconds(7 * 24 * 3600);
    let stage = Stage { config, ..stage };
    let writer = stage.leader().await;
    eventually(async || {
        let again = writer.submit(asked.clone()).await.expect("it is answered");
        again.replayed && again.answer == first.answer
    })
    .await;
    let unknown = repeatable(Actor::Anyone, start_fresh(1));
    assert!(!writer.submit(unknown).await.expect("it is done").replayed);
    assert!(CommandId::from_bits(next()) != asked.id);
}
