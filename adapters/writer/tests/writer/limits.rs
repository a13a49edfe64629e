//! Bounds and deadlines (invariant 9).

use paravox_domain::answer::Rejection;
use paravox_domain::call::Event as CallEvent;
use paravox_domain::call::{Role, Stage as CallStage};
use paravox_domain::command::{Actor, Ask};
use paravox_domain::event::Event;
use paravox_domain::ports::{Commands, Refused};
use paravox_domain::time::Span;

use crate::people::{Person, command, in_session, start_fresh};
use crate::stage::{Stage, eventually, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i9_beyond_the_queue_a_command_is_refused_with_a_time_to_come_back() {
    let stage = Stage::with(|config| {
        config.queue_max = 10;
        config.unanswered_max = 10;
    });
    let writer = stage.leader().await;
    stage.journal.faults().hold_appends();
    let asked: Vec<_> = (0..1_000).map(|_| writer.submit(command(Actor::Anyone, start_fresh(1)))).collect();
    let mut answers = asked;
    let last = answers.pop().expect("there are many");
    let refused = within(last).await;
    let Err(Refused::Busy { retry_after }) = refused else { panic!("{refused:?}") };
    assert!(retry_after > Span::ZERO && retry_after <= Span::seconds(10));
    stage.journal.faults().release_appends();
    let mut done = 0;
    for answer in answers {
        match within(answer).await {
            Ok(_) => done += 1,
            Err(Refused::Busy { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!((10..=1_000).contains(&done));
    let commits = stage.commits().await;
    assert_eq!(commits.iter().map(|commit| commit.events.len()).sum::<usize>(), done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i9_a_commit_stays_within_its_bytes_and_what_does_not_fit_goes_into_the_next() {
    let stage = Stage::with(|config| config.commit_bytes_max = 16 * 1024);
    let writer = stage.leader().await;
    stage.journal.faults().hold_appends();
    let asked: Vec<_> = (0..200).map(|_| writer.submit(command(Actor::Anyone, start_fresh(1)))).collect();
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    stage.journal.faults().release_appends();
    for answer in asked {
        within(answer).await.expect("it is done");
    }
    let journal = stage.journal.journal();
    let commits = journal.read(paravox_domain::commit::Position::START, 1_000).await.expect("it reads");
    assert!(commits.len() > 3);
    assert!(commits.iter().all(|commit| commit.bytes().len() <= 16 * 1024));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i9_a_text_that_could_not_fit_into_a_commit_is_refused() {
    let stage = Stage::new();
    let writer = stage.leader().await;
    let (ann, bob) = (Person::registered(&writer, 1).await, Person::registered(&writer, 2).await);
    let (_, session) = in_session(&writer, &ann, &bob).await;
    let refused = writer.submit(ann.says(session, &"x".repeat(2_000_000))).await;
    assert!(matches!(refused, Err(Refused::Rejected(Rejection::CommandTooLarge { .. }))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s01_a_call_without_a_partner_ends_when_the_clock_says_so() {
    let stage = Stage::new();
    let writer = stage.leader().await;
    let (ann, bob) = (Person::registered(&writer, 1).await, Person::registered(&writer, 2).await);
    let report = ann.reports(&bob, Role::Calling, CallStage::Alerting);
    writer.submit(command(ann.actor(), report)).await.expect("it is noted");
    let before = stage.end().await;
    stage.clock.advance(Span(stage.settings.call.window.micros() - 1_000));
    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    assert_eq!(stage.end().await, before, "a millisecond before, nothing happens");
    stage.clock.advance(Span::millis(2));
    eventually(async || stage.end().await > before).await;
    let commits = stage.commits().await;
    let last = commits.last().expect("there are some");
    assert!(matches!(last.events[0].event, Event::Call(CallEvent::Ended { .. })), "{last:?}");
    assert!(last.settles.is_empty() && last.events.iter().all(|event| event.cause.is_none()));
    let after = stage.end().await;
    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    assert_eq!(stage.end().await, after, "a tick without events makes no commit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_stamps_never_go_back_though_the_clock_does() {
    let stage = Stage::new();
    let writer = stage.leader().await;
    for span in [Span::seconds(3600), Span::seconds(-7200), Span::seconds(1), Span::seconds(7200)] {
        stage.clock.advance(span);
        writer.submit(command(Actor::Anyone, start_fresh(1))).await.expect("it is done");
    }
    let commits = stage.commits().await;
    let stamps: Vec<_> = commits.iter().map(|commit| commit.header.at).collect();
    assert!(stamps.is_sorted(), "{stamps:?}");
    assert!(commits.iter().all(|commit| commit.events.iter().all(|event| event.at <= commit.header.at)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i9_a_command_is_refused_when_the_archive_does_not_answer_and_others_go_on() {
    let stage = Stage::with(|config| config.residents_keep = 0);
    let writer = stage.leader().await;
    let ann = Person::registered(&writer, 1).await;
    stage.archived().await;
    // Enough commits to look at everything that is resident.
    for _ in 0..10 {
        writer.submit(command(Actor::Anyone, start_fresh(3))).await.expect("it is done");
        stage.archived().await;
    }
    stage.archive.silence(true);
    let rotate = Ask::RotateCredential { device: ann.device, generation: 0 };
    let refused = within(writer.submit(command(ann.actor(), rotate.clone()))).await;
    assert!(matches!(refused, Err(Refused::Busy { .. })), "{refused:?}");
    stage.archive.silence(false);
    within(writer.submit(command(ann.actor(), rotate))).await.expect("it is rotated");
}
