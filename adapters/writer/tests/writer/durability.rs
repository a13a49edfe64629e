//! Answers and commits: what is acknowledged is durable, and commits take what has collected.

use std::time::Duration;

use futures_util::FutureExt;
use paravox_domain::answer::Rejection;
use paravox_domain::command::{Actor, Ask};
use paravox_domain::commit::Position;
use paravox_domain::id::{Id, RegistrationId};
use paravox_domain::ports::{Commands, Refused};
use paravox_journal::Fault;
use paravox_writer::Status;

use crate::people::{Person, code, command, next, repeatable, start, start_fresh};
use crate::stage::{Stage, eventually, leads, within};

/// Long enough for an answer that should not come to come.
const A_WHILE: Duration = Duration::from_millis(40);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i1_an_answer_comes_after_its_commit_was_appended() {
    let stage = Stage::new();
    let writer = stage.leader().await;
    let before = stage.end().await;
    stage.journal.faults().hold_appends();
    let mut answer = writer.submit(command(Actor::Anyone, start_fresh(1)));
    tokio::time::sleep(A_WHILE).await;
    assert!((&mut answer).now_or_never().is_none(), "the append has not come back");
    assert_eq!(stage.end().await, before);
    stage.journal.faults().release_appends();
    let outcome = within(answer).await.expect("it was taken");
    assert_eq!(outcome.position, before.next());
    assert!(stage.end().await >= outcome.position);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_commit_takes_all_that_collected_while_the_last_append_was_in_flight() {
    let stage = Stage::new();
    let writer = stage.leader().await;
    let before = stage.end().await;
    stage.journal.faults().hold_appends();
    let first = writer.submit(command(Actor::Anyone, start_fresh(1)));
    tokio::time::sleep(A_WHILE).await;
    let others: Vec<_> = (0..50).map(|_| writer.submit(command(Actor::Anyone, start_fresh(1)))).collect();
    tokio::time::sleep(A_WHILE).await;
    stage.journal.faults().release_appends();
    assert_eq!(within(first).await.expect("it was taken").position, before.next());
    for answer in others {
        assert_eq!(within(answer).await.expect("it was taken").position, before.next().next());
    }
    let commits = stage.commits().await;
    assert_eq!(commits.last().map(|commit| commit.settles.len()), Some(50));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i1_a_refusal_that_rests_on_a_commit_in_flight_waits_for_it() {
    let stage = Stage::new();
    let writer = stage.leader().await;
    let registration = RegistrationId::from_bits(next());
    stage.journal.faults().hold_appends();
    let first = writer.submit(command(Actor::Anyone, start(registration, 1)));
    let mut second = writer.submit(command(Actor::Anyone, start(registration, 1)));
    tokio::time::sleep(A_WHILE).await;
    assert!((&mut second).now_or_never().is_none(), "it would tell of what may still be lost");
    stage.journal.faults().release_appends();
    within(first).await.expect("it was taken");
    let refused = Rejection::RegistrationExists { registration };
    assert_eq!(within(second).await, Err(Refused::Rejected(refused)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_repeatable_command_that_changes_nothing_makes_a_commit() {
    let stage = Stage::new();
    let writer = stage.leader().await;
    let ann = Person::registered(&writer, 1).await;
    let generation = |n| Ask::RotateCredential { device: ann.device, generation: n };
    writer.submit(command(ann.actor(), generation(0))).await.expect("it is rotated");
    let before = stage.end().await;
    // The generation before: answered again, and nothing changes.
    let again = writer.submit(command(ann.actor(), generation(0))).await.expect("it is answered");
    assert_eq!((again.position, stage.end().await), (before, before));
    let settled = writer.submit(repeatable(ann.actor(), generation(0))).await.expect("it is answered");
    assert_eq!((settled.position, stage.end().await), (before.next(), before.next()));
    let commits = stage.commits().await;
    let last = commits.last().expect("there are some");
    assert_eq!((last.settles.len(), last.events.len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_outcome_is_settled_by_reading() {
    for fault in [Fault::UnconfirmedAppended, Fault::UnconfirmedLost, Fault::Unavailable] {
        let stage = Stage::new();
        let writer = stage.leader().await;
        stage.journal.faults().fail_next_append(fault);
        stage.journal.faults().fail_reads(2);
        let outcome = within(writer.submit(command(Actor::Anyone, start_fresh(1)))).await;
        let outcome = outcome.expect("it is settled");
        assert_eq!(stage.end().await, outcome.position, "{fault:?}: the commit stands once");
        assert!(matches!(&*writer.status().borrow(), Status::Leader { epoch: 1, .. }), "{fault:?}");
        within(writer.submit(command(Actor::Anyone, start_fresh(1)))).await.expect("it goes on");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_a_fenced_writer_answers_no_writer_and_follows_before_it_leads_again() {
    let stage = Stage::new();
    let writer = stage.leader().await;
    stage.journal.faults().fail_next_append(Fault::Fenced);
    let refused = within(writer.submit(command(Actor::Anyone, start_fresh(1)))).await;
    assert!(matches!(refused, Err(Refused::NoWriter { .. })), "{refused:?}");
    // The rival's commit has epoch 2, so that the next term is the third.
    let mut status = writer.status();
    within(status.wait_for(|status| matches!(status, Status::Leader { epoch: 3, .. }))).await.unwrap();
    within(writer.submit(command(Actor::Anyone, start_fresh(1)))).await.expect("it leads again");
    let commits = stage.commits().await;
    assert!(commits.iter().zip(1..).all(|(commit, n)| commit.header.position == Position(n)));
    let events: usize = commits.iter().map(|commit| commit.events.len()).sum();
    assert_eq!(events, 1, "what was answered with no writer is not there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_that_never_succeeds_is_given_up_and_its_callers_are_told() {
    let stage = Stage::with(|config| config.append_patience = Duration::from_millis(50));
    let writer = stage.leader().await;
    for _ in 0..8 {
        stage.journal.faults().fail_next_append(Fault::Unavailable);
    }
    let refused = within(writer.submit(command(Actor::Anyone, start_fresh(1)))).await;
    assert!(matches!(refused, Err(Refused::NoWriter { .. })), "{refused:?}");
    leads(&writer).await;
    eventually(async || writer.submit(command(Actor::Anyone, start_fresh(1))).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i1_pipelined_appends_keep_their_order_through_faults() {
    let stage = Stage::with(|config| config.appends_in_flight_max = 4);
    let writer = stage.leader().await;
    let faults = [Fault::UnconfirmedLost, Fault::UnconfirmedAppended, Fault::Unavailable];
    let mut answers = tokio::task::JoinSet::new();
    for round in 0..40 {
        stage.journal.faults().fail_next_append(faults[round % 3]);
        for _ in 0..10 {
            let writer = writer.clone();
            answers.spawn(async move { writer.submit(command(Actor::Anyone, start_fresh(1))).await });
        }
        tokio::task::yield_now().await;
    }
    let outcomes = within(answers.join_all()).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let commits = stage.commits().await;
    let events: usize = commits.iter().map(|commit| commit.events.len()).sum();
    assert_eq!(events, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_code_is_an_answer_and_is_durable() {
    let stage = Stage::new();
    let writer = stage.leader().await;
    let registration = RegistrationId::from_bits(next());
    writer.submit(command(Actor::Anyone, start(registration, 1))).await.expect("it begins");
    let wrong = Ask::ProveRegistration { registration, code: paravox_domain::digest::Digest::of(b"0") };
    let outcome = writer.submit(command(Actor::Anyone, wrong)).await.expect("it is counted");
    assert_eq!(stage.end().await, outcome.position);
    let right = Ask::ProveRegistration { registration, code: code() };
    writer.submit(command(Actor::Anyone, right)).await.expect("it is proven");
}
