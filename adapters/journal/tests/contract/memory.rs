//! The journal in memory, and its faults on demand.

use std::time::Duration;

use paravox_domain::commit::chain::Broken;
use paravox_domain::commit::{EncodedCommit, Position};
use paravox_domain::ports::{AnyJournal, AppendError, ReadError};
use paravox_journal::{Fault, MemoryJournal};

use crate::commits::{REALM, Writer};
use crate::fixture::{Damage, Fixture, LIMIT, take};

struct Memory(MemoryJournal);

impl Fixture for Memory {
    async fn start() -> Self {
        Self(MemoryJournal::new(REALM).unwrap())
    }

    async fn open(&self) -> AnyJournal {
        self.0.journal()
    }

    async fn hold_damaged(&self, commits: &[EncodedCommit], damage: Damage) {
        for commit in commits {
            self.0.journal().append(commit).await.unwrap();
        }
        assert!(match damage {
            Damage::ChangedByte => self.0.change_byte(Position(2), 2),
            Damage::Gone => self.0.remove(Position(2)),
        });
    }
}

crate::suite::contract!(Memory);

#[tokio::test]
async fn i1_an_append_of_unknown_outcome_is_settled_by_reading() {
    let memory = MemoryJournal::new(REALM).unwrap();
    let journal = memory.journal();
    let commits = Writer::new(1).commits(2);
    memory.faults().fail_next_append(Fault::UnconfirmedAppended);
    memory.faults().fail_next_append(Fault::UnconfirmedLost);
    assert!(matches!(journal.append(&commits[0]).await, Err(AppendError::Unconfirmed(_))));
    assert_eq!(journal.read(Position::START, 1).await.unwrap(), commits[..1]);
    assert!(matches!(journal.append(&commits[1]).await, Err(AppendError::Unconfirmed(_))));
    assert!(journal.read(Position(1), 1).await.unwrap().is_empty());
    journal.append(&commits[1]).await.unwrap();
    assert_eq!(journal.read(Position::START, 9).await.unwrap(), commits);
}

#[tokio::test]
async fn i2_a_writer_that_is_fenced_finds_the_other_ones_commit_and_goes_on_after_it() {
    let memory = MemoryJournal::new(REALM).unwrap();
    let journal = memory.journal();
    let ours = Writer::new(1).commit(3);
    memory.faults().fail_next_append(Fault::Fenced);
    assert!(matches!(journal.append(&ours).await, Err(AppendError::Fenced { expected: Position(1) })));
    let theirs = journal.read(Position::START, 9).await.unwrap();
    assert_eq!(theirs.len(), 1);
    assert_ne!(theirs[0].id(), ours.id());
    journal.append(&Writer::after(1, &theirs[0]).commit(1)).await.unwrap();
    assert_eq!(journal.read(Position::START, 9).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_journal_that_is_unavailable_takes_the_same_append_later() {
    let memory = MemoryJournal::new(REALM).unwrap();
    let journal = memory.journal();
    let commit = Writer::new(1).commit(1);
    memory.faults().fail_next_append(Fault::Unavailable);
    assert!(matches!(journal.append(&commit).await, Err(AppendError::Unavailable(_))));
    assert_eq!(journal.end().await.unwrap(), Position::START);
    journal.append(&commit).await.unwrap();

    memory.faults().fail_reads(1);
    assert!(matches!(journal.read(Position::START, 1).await, Err(ReadError::Unavailable(_))));
    memory.faults().fail_reads(2);
    let mut follower = journal.follow(Position::START).await.unwrap();
    assert_eq!(take(&mut follower, 1).await, [commit]);
}

#[tokio::test]
async fn appends_that_are_held_back_wait_and_then_happen() {
    let memory = MemoryJournal::new(REALM).unwrap();
    let journal = memory.journal();
    let commit = Writer::new(1).commit(1);
    memory.faults().hold_appends();
    let mut waiting = journal.append(&commit);
    assert!(tokio::time::timeout(Duration::from_millis(20), &mut waiting).await.is_err());
    assert_eq!(journal.end().await.unwrap(), Position::START);
    memory.faults().release_appends();
    waiting.await.unwrap();
    assert_eq!(journal.end().await.unwrap(), Position(1));
}

#[tokio::test]
async fn a_reader_of_what_was_trimmed_is_sent_to_the_archive() {
    let memory = MemoryJournal::new(REALM).unwrap();
    let journal = memory.journal();
    let commits = Writer::new(1).commits(5);
    for commit in &commits {
        journal.append(commit).await.unwrap();
    }
    memory.trim(Position(3));
    for after in [0, 1, 2] {
        let refused = journal.read(Position(after), 9).await;
        assert!(matches!(refused, Err(ReadError::Trimmed { first: Position(4), .. })), "{refused:?}");
        let mut follower = journal.follow(Position(after)).await.unwrap();
        assert!(matches!(follower.next().await, Err(ReadError::Trimmed { first: Position(4), .. })));
    }
    assert_eq!(journal.read(Position(3), 9).await.unwrap(), commits[3..]);
    let mut follower = journal.follow(Position(3)).await.unwrap();
    assert_eq!(take(&mut follower, 2).await, commits[3..]);

    // With nothing left, the end is still where it was.
    memory.trim(Position(9));
    assert_eq!(journal.end().await.unwrap(), Position(5));
    assert!(journal.read(Position(5), 9).await.unwrap().is_empty());
    for after in [0, 3, 4] {
        let refused = journal.read(Position(after), 9).await;
        assert!(matches!(refused, Err(ReadError::Trimmed { first: Position(6), .. })), "{refused:?}");
        let mut follower = journal.follow(Position(after)).await.unwrap();
        let refused = tokio::time::timeout(LIMIT, follower.next()).await.unwrap();
        assert!(matches!(refused, Err(ReadError::Trimmed { first: Position(6), .. })));
    }
    let next = Writer::after(2, &commits[4]).commit(1);
    journal.append(&next).await.unwrap();
    assert_eq!(take(&mut follower, 1).await, [next]);
}

#[tokio::test]
async fn i2_a_follower_at_rest_is_told_that_what_it_has_read_is_gone() {
    let memory = MemoryJournal::new(REALM).unwrap();
    let journal = memory.journal();
    let mut writer = Writer::new(1);
    let commits = writer.commits(3);
    for commit in &commits {
        journal.append(commit).await.unwrap();
    }
    let mut follower = journal.follow(Position::START).await.unwrap();
    take(&mut follower, 3).await;
    memory.forget_after(Position(1));
    let error = tokio::time::timeout(LIMIT, follower.next()).await.unwrap().unwrap_err();
    let gap = Broken::Gap { expected: Position(3), found: Position(1) };
    assert!(matches!(error, ReadError::Broken(found) if found == gap));
    // Nor can the writer go on, and it is told why.
    let refused = journal.append(&writer.commit(1)).await.unwrap_err();
    assert!(matches!(refused, AppendError::Unavailable(_)), "{refused}");
    assert!(refused.to_string().contains("ends at 1"), "{refused}");
}

#[tokio::test]
async fn i2_a_follower_is_told_when_its_past_was_replaced() {
    let memory = MemoryJournal::new(REALM).unwrap();
    let journal = memory.journal();
    let commits = Writer::new(1).commits(3);
    for commit in &commits {
        journal.append(commit).await.unwrap();
    }
    let mut follower = journal.follow(Position::START).await.unwrap();
    take(&mut follower, 3).await;
    memory.forget_after(Position(1));
    let mut other = Writer::after(2, &commits[0]);
    for commit in other.commits(3) {
        journal.append(&commit).await.unwrap();
    }
    let error = tokio::time::timeout(LIMIT, follower.next()).await.unwrap().unwrap_err();
    assert!(matches!(error, ReadError::Broken(Broken::Fork { position: Position(4), .. })), "{error}");
}
