//! Entities leave memory and come back as they were.

use std::sync::atomic::Ordering;

use paravox_domain::answer::{Answer, Rejection};
use paravox_domain::call::{Role, Stage as CallStage};
use paravox_domain::command::{Actor, Ask};
use paravox_domain::ports::{Commands, Refused};
use paravox_domain::time::Span;

use crate::people::{Person, command, in_session, start_fresh};
use crate::stage::{Stage, within};

/// Has everything that may go leave memory.
async fn churn(stage: &Stage, writer: &paravox_writer::WriterHandle) {
    for _ in 0..8 {
        stage.archived().await;
        writer.submit(command(Actor::Anyone, start_fresh(9))).await.expect("it is done");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_party_that_left_memory_comes_back_and_is_decided_about_as_before() {
    let stage = Stage::with(|config| config.residents_keep = 0);
    let writer = stage.leader().await;
    let (ann, bob) = (Person::registered(&writer, 1).await, Person::registered(&writer, 2).await);
    churn(&stage, &writer).await;
    let before = stage.archive.hydrated.load(Ordering::SeqCst);
    let (_, session) = in_session(&writer, &ann, &bob).await;
    assert!(stage.archive.hydrated.load(Ordering::SeqCst) > before, "they had left");
    churn(&stage, &writer).await;
    let outcome = writer.submit(ann.says(session, "hello")).await.expect("the session is open");
    assert!(matches!(outcome.answer, Answer::MessageSent { number: 1, .. }));

    let over = ann.reports(&bob, Role::Calling, CallStage::Ended);
    writer.submit(command(ann.actor(), over)).await.expect("it is noted");
    stage.clock.advance(stage.settings.call.closing);
    stage.clock.advance(Span::seconds(1));
    churn(&stage, &writer).await;
    let refused = writer.submit(ann.says(session, "too late")).await;
    assert_eq!(refused, Err(Refused::Rejected(Rejection::SessionClosed { session })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_let_an_entity_go_loads_it_whole_when_it_leads() {
    let stage = Stage::with(|config| config.residents_keep = 0);
    let first = stage.leader().await;
    let standby = stage.writer();
    let ann = Person::registered(&first, 1).await;
    churn(&stage, &first).await;
    // The first writer brings the device back, and changes it; for the standby it is an event in the middle.
    for generation in 0..3 {
        let rotate = Ask::RotateCredential { device: ann.device, generation };
        first.submit(command(ann.actor(), rotate)).await.expect("it is rotated");
    }
    stage.archive.pause(true);
    let rotate = Ask::RotateCredential { device: ann.device, generation: 3 };
    first.submit(command(ann.actor(), rotate)).await.expect("it is rotated");
    within(first.shutdown()).await;
    crate::stage::leads(&standby).await;
    // The archive is behind: the standby waits for it rather than decide on less.
    let rotate = Ask::RotateCredential { device: ann.device, generation: 4 };
    let asked = tokio::spawn({
        let (standby, command) = (standby.clone(), command(ann.actor(), rotate));
        async move { standby.submit(command).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    stage.archive.pause(false);
    let outcome = within(asked).await.expect("no panic").expect("it is rotated");
    assert!(matches!(outcome.answer, Answer::CredentialRotated { generation: 5, .. }), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_for_one_entity_keep_their_order_while_it_is_fetched() {
    let stage = Stage::with(|config| config.residents_keep = 0);
    let writer = stage.leader().await;
    let ann = Person::registered(&writer, 1).await;
    for round in 0..10_u32 {
        churn(&stage, &writer).await;
        let from = round * 8;
        let asked: Vec<_> = (from..from + 8)
            .map(|generation| {
                let rotate = Ask::RotateCredential { device: ann.device, generation };
                writer.submit(command(ann.actor(), rotate))
            })
            .collect();
        for (asked, generation) in asked.into_iter().zip(from + 1..) {
            let outcome = within(asked).await.expect("in order, each generation follows the one before");
            let Answer::CredentialRotated { generation: now, .. } = outcome.answer else {
                panic!("{outcome:?}")
            };
            assert_eq!(now, generation);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_journal_is_followed_from_what_can_still_be_going_on() {
    let stage = Stage::with(|config| config.replay_all_commits_max = 3);
    let writer = stage.leader().await;
    let (ann, bob) = (Person::registered(&writer, 1).await, Person::registered(&writer, 2).await);
    stage.archived().await;
    // Longer than twice the longest session; then a call that is going on.
    stage.clock.advance(Span::seconds(70 * 3600));
    let (_, session) = in_session(&writer, &ann, &bob).await;
    let repeated = crate::people::repeatable(ann.actor(), Ask::KeepSession { session, keep: true });
    writer.submit(repeated.clone()).await.expect("it is kept");
    within(writer.shutdown()).await;
    stage.archived().await;

    let before = stage.archive.hydrated.load(Ordering::SeqCst);
    let writer = stage.leader().await;
    let outcome = writer.submit(ann.says(session, "hello")).await.expect("the session goes on");
    assert!(matches!(outcome.answer, Answer::MessageSent { number: 1, .. }));
    assert!(stage.archive.hydrated.load(Ordering::SeqCst) > before, "the device came from the archive");
    assert!(writer.submit(repeated).await.expect("it was settled").replayed);
    let over = ann.reports(&bob, Role::Calling, CallStage::Ended);
    let outcome = writer.submit(command(ann.actor(), over)).await.expect("the call is found by its names");
    assert!(matches!(outcome.answer, Answer::Noted { outcome: paravox_domain::answer::Noted::Over, .. }));
    let commits = stage.commits().await;
    assert_eq!(commits.last().map(|commit| commit.header.epoch), Some(2));
}
