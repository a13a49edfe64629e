//! The contract: what every journal must do.

use paravox_domain::commit::chain::Broken;
use paravox_domain::commit::{COMMIT_BYTES_MAX, Corrupt, EncodedCommit, Position};
use paravox_domain::ports::{AppendError, ReadError};

use crate::commits::{REALM, Writer};
use crate::fixture::{Damage, Fixture, LIMIT, Remote, append, end, is_at_rest, read, take};
use paravox_harness::eventually;

pub(crate) async fn order<F: Fixture>() {
    let fixture = F::start().await;
    let journal = fixture.open().await;
    assert_eq!(journal.realm(), REALM);
    assert_eq!(end(&journal).await, Position::START);
    assert!(read(&journal, Position::START, 10).await.unwrap().is_empty());

    let commits = Writer::new(1).commits(40);
    for commit in &commits {
        append(&journal, commit).await.unwrap();
    }
    assert_eq!(end(&journal).await, Position(40));
    for handle in [journal, fixture.open().await] {
        assert_eq!(read(&handle, Position::START, 100).await.unwrap(), commits);
        assert_eq!(read(&handle, Position(13), 7).await.unwrap(), commits[13..20]);
        assert_eq!(read(&handle, Position(39), 7).await.unwrap(), commits[39..]);
        assert!(read(&handle, Position(40), 7).await.unwrap().is_empty());
        assert!(read(&handle, Position(45), 7).await.unwrap().is_empty());
        assert!(read(&handle, Position::START, 0).await.unwrap().is_empty());
    }
}

pub(crate) async fn second_writer_is_fenced<F: Fixture>() {
    let fixture = F::start().await;
    let (ours, theirs) = (fixture.open().await, fixture.open().await);
    let (mut us, mut them) = (Writer::new(1), Writer::new(2));
    let first = us.commit(1);
    append(&ours, &first).await.unwrap();
    let late = them.commit(1);
    let refused = append(&theirs, &late).await;
    assert!(matches!(refused, Err(AppendError::Fenced { expected: Position(1) })), "{refused:?}");

    // Both at once, again and again: one wins, the other is fenced, and the journal stays whole.
    let mut last = first;
    for round in 2..=20_u64 {
        let (a, b) = (Writer::after(1, &last).commit(2), Writer::after(2, &last).commit(2));
        let (by_us, by_them) = tokio::join!(append(&ours, &a), append(&theirs, &b));
        last = match (by_us, by_them) {
            (Ok(()), Err(AppendError::Fenced { expected })) if expected == Position(round) => a,
            (Err(AppendError::Fenced { expected }), Ok(())) if expected == Position(round) => b,
            other => panic!("round {round}: {other:?}"),
        };
    }
    let all = read(&ours, Position::START, 100).await.unwrap();
    assert_eq!(all.len(), 20);
    assert_eq!(all[19], last);
}

pub(crate) async fn append_too_far_ahead_appends_nothing<F: Fixture>() {
    let fixture = F::start().await;
    let journal = fixture.open().await;
    let commits = Writer::new(1).commits(3);
    journal.append(&commits[0]).await.unwrap();
    let refused = journal.append(&commits[2]).await;
    assert!(
        matches!(refused, Err(AppendError::Unavailable(_) | AppendError::Unconfirmed(_))),
        "its predecessor is missing, but nobody has taken its place: {refused:?}"
    );
    assert_eq!(journal.end().await.unwrap(), Position(1));
    journal.append(&commits[1]).await.unwrap();
    journal.append(&commits[2]).await.unwrap();
    assert_eq!(journal.read(Position::START, 10).await.unwrap(), commits);
}

pub(crate) async fn repeated_append_is_done_once<F: Fixture>() {
    let fixture = F::start().await;
    let journal = fixture.open().await;
    let commits = Writer::new(1).commits(3);
    for commit in &commits {
        append(&journal, commit).await.unwrap();
        append(&journal, commit).await.unwrap();
    }
    // Also much later, and over another handle.
    append(&fixture.open().await, &commits[0]).await.unwrap();
    assert_eq!(read(&journal, Position::START, 10).await.unwrap(), commits);
}

pub(crate) async fn oversize_is_refused_and_the_largest_is_taken<F: Fixture>() {
    let fixture = F::start().await;
    let journal = fixture.open().await;
    let too_large = Writer::new(1).large(COMMIT_BYTES_MAX);
    match append(&journal, &too_large).await {
        Err(AppendError::TooLarge { bytes, bytes_max }) => {
            assert_eq!(bytes, too_large.bytes().len());
            assert!(bytes_max < bytes);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(end(&journal).await, Position::START);

    let mut writer = Writer::new(1);
    let mut large = Vec::new();
    for _ in 0..12 {
        let commit = writer.large(COMMIT_BYTES_MAX * 3 / 4);
        assert!(commit.bytes().len() <= COMMIT_BYTES_MAX);
        append(&journal, &commit).await.unwrap();
        large.push(commit);
    }
    // More than one fetch returns.
    let fresh = fixture.open().await;
    let mut got = Vec::new();
    while got.len() < large.len() {
        let after = got.last().map_or(Position::START, EncodedCommit::position);
        let more = read(&fresh, after, 100).await.unwrap();
        assert!(!more.is_empty());
        got.extend(more);
    }
    assert!(got == large);
    let mut follower = fresh.follow(Position(1)).await.unwrap();
    assert!(take(&mut follower, 11).await == large[1..]);
}

pub(crate) async fn follows_from_any_position<F: Fixture>() {
    let fixture = F::start().await;
    let writer = fixture.open().await;
    let commits = Writer::new(1).commits(30);
    for commit in &commits[..20] {
        append(&writer, commit).await.unwrap();
    }
    let other = fixture.open().await;
    for (handle, after) in
        [(&writer, 0), (&writer, 11), (&writer, 20), (&other, 0), (&other, 11), (&other, 20)]
    {
        let mut follower = handle.follow(Position(after)).await.unwrap();
        assert_eq!(take(&mut follower, 20 - after as usize).await, commits[after as usize..20]);
        assert!(is_at_rest(&mut follower).await);
    }

    let mut beside = writer.follow(Position(18)).await.unwrap();
    let mut apart = other.follow(Position(18)).await.unwrap();
    assert_eq!(take(&mut beside, 2).await, commits[18..20]);
    assert_eq!(take(&mut apart, 2).await, commits[18..20]);
    // While they wait, more comes; a wait that is given up loses nothing.
    for commit in &commits[20..] {
        assert!(tokio::time::timeout(std::time::Duration::from_micros(50), apart.next()).await.is_err());
        append(&writer, commit).await.unwrap();
        assert_eq!(take(&mut beside, 1).await, std::slice::from_ref(commit));
        assert_eq!(take(&mut apart, 1).await, std::slice::from_ref(commit));
    }
}

pub(crate) async fn reads_many_in_few_trips<F: Fixture>() {
    let fixture = F::start().await;
    let journal = fixture.open().await;
    let commits = Writer::new(1).commits(2_500);
    for commit in &commits {
        append(&journal, commit).await.unwrap();
    }
    let fresh = fixture.open().await;
    let mut got = read(&fresh, Position::START, 2_000).await.unwrap();
    assert!(got.len() >= 500, "{}", got.len());
    while got.len() < commits.len() {
        let more = read(&fresh, Position(got.len() as u64), 2_000).await.unwrap();
        assert!(!more.is_empty());
        got.extend(more);
    }
    assert!(got == commits);
    let mut follower = fresh.follow(Position::START).await.unwrap();
    assert!(take(&mut follower, commits.len()).await == commits);
}

pub(crate) async fn changed_byte_stops_the_reader<F: Fixture>() {
    let fixture = F::start().await;
    let commits = Writer::new(1).commits(3);
    fixture.hold_damaged(&commits, Damage::ChangedByte).await;
    let journal = fixture.open().await;
    let is_told = |error: &ReadError| {
        matches!(error, ReadError::Corrupt { position: Position(2), cause: Corrupt::Changed { .. } })
            && error.is_damage()
    };
    assert_eq!(
        read(&journal, Position::START, 10).await.unwrap(),
        commits[..1],
        "what stands before is good"
    );
    assert!(is_told(&read(&journal, Position(1), 10).await.unwrap_err()));
    let mut follower = journal.follow(Position::START).await.unwrap();
    assert_eq!(take(&mut follower, 1).await, commits[..1]);
    for _ in 0..3 {
        let error = follower.next().await.unwrap_err();
        assert!(is_told(&error), "{error}");
    }
}

pub(crate) async fn gap_stops_the_reader<F: Fixture>() {
    let fixture = F::start().await;
    let commits = Writer::new(1).commits(3);
    fixture.hold_damaged(&commits, Damage::Gone).await;
    let journal = fixture.open().await;
    let is_told = |error: &ReadError| {
        matches!(error, ReadError::Broken(Broken::Gap { expected: Position(2), found: Position(3) }))
            && error.is_damage()
    };
    assert_eq!(read(&journal, Position::START, 10).await.unwrap(), commits[..1]);
    assert!(is_told(&read(&journal, Position(1), 10).await.unwrap_err()));
    let mut follower = journal.follow(Position::START).await.unwrap();
    assert_eq!(take(&mut follower, 1).await, commits[..1]);
    for _ in 0..3 {
        let error = follower.next().await.unwrap_err();
        assert!(is_told(&error), "{error}");
    }
}

pub(crate) async fn fork_stops_the_reader<F: Fixture>() {
    let fixture = F::start().await;
    let journal = fixture.open().await;
    let mut honest = Writer::new(1);
    let mut other = Writer::new(2);
    let first = honest.commit(1);
    let (_, forked) = (other.commit(1), other.commit(1));
    append(&journal, &first).await.unwrap();
    // The append is fenced by position alone; the chain tells.
    append(&journal, &forked).await.unwrap();
    for handle in [journal, fixture.open().await] {
        let error = read(&handle, Position(1), 10).await.unwrap_err();
        assert!(matches!(error, ReadError::Broken(Broken::Fork { position: Position(2), .. })), "{error}");
        let mut follower = handle.follow(Position::START).await.unwrap();
        assert_eq!(take(&mut follower, 1).await, std::slice::from_ref(&first));
        let error = follower.next().await.unwrap_err();
        assert!(matches!(error, ReadError::Broken(Broken::Fork { position: Position(2), .. })), "{error}");
    }
}

pub(crate) async fn lost_end_is_told_to_who_has_read_it<F: Fixture>() {
    let fixture = F::start().await;
    let journal = fixture.open().await;
    let commits = Writer::new(1).commits(2);
    for commit in &commits {
        append(&journal, commit).await.unwrap();
    }
    let mut follower = journal.follow(Position(5)).await.unwrap();
    let error = tokio::time::timeout(LIMIT, follower.next()).await.unwrap().unwrap_err();
    let gap = Broken::Gap { expected: Position(5), found: Position(2) };
    assert!(matches!(error, ReadError::Broken(found) if found == gap));
}

pub(crate) async fn append_whose_acknowledgement_is_cut_off_is_settled_by_reading<F: Remote>() {
    let fixture = F::start().await;
    let (journal, proxy) = fixture.open_through_proxy().await;
    let commits = Writer::new(1).commits(4);
    journal.append(&commits[0]).await.unwrap();

    proxy.cut_before_reply();
    let outcome = journal.append(&commits[1]).await;
    assert!(matches!(outcome, Err(AppendError::Unconfirmed(_))), "{outcome:?}");
    assert!(!proxy.is_armed(), "the answer was cut off");
    let found = eventually("the connection's return", LIMIT, async || {
        journal.read(Position(1), 1).await.ok().filter(|found| !found.is_empty())
    })
    .await
    .unwrap();
    assert_eq!(found[0].id(), commits[1].id(), "it stands, under its own id");

    // A repeat changes nothing, and the writer goes on.
    append(&journal, &commits[1]).await.unwrap();
    append(&journal, &commits[2]).await.unwrap();
    append(&journal, &commits[3]).await.unwrap();
    assert_eq!(fixture.open().await.read(Position::START, 10).await.unwrap(), commits);
}

pub(crate) async fn append_that_never_arrived_is_repeated<F: Remote>() {
    let fixture = F::start().await;
    let (journal, proxy) = fixture.open_through_proxy().await;
    let commits = Writer::new(1).commits(3);
    journal.append(&commits[0]).await.unwrap();

    proxy.stall();
    let outcome = journal.append(&commits[1]).await;
    assert!(matches!(outcome, Err(AppendError::Unconfirmed(_))), "{outcome:?}");
    proxy.cut_now();
    proxy.pass();
    append(&journal, &commits[1]).await.unwrap();
    append(&journal, &commits[2]).await.unwrap();
    assert_eq!(fixture.open().await.read(Position::START, 10).await.unwrap(), commits);
}

pub(crate) async fn follower_outlives_lost_connections<F: Remote>() {
    let fixture = F::start().await;
    let writer = fixture.open().await;
    let (journal, proxy) = fixture.open_through_proxy().await;
    let commits = Writer::new(1).commits(40);
    let mut follower = journal.follow(Position::START).await.unwrap();
    let mut seen = Vec::new();
    for (round, part) in commits.chunks(10).enumerate() {
        match round {
            0 => {}
            1 => proxy.cut_now(),
            2 => proxy.refuse(),
            _ => proxy.stall(),
        }
        for commit in part {
            writer.append(commit).await.unwrap();
        }
        if round == 3 {
            proxy.cut_now();
        }
        proxy.pass();
        seen.extend(take(&mut follower, part.len()).await);
    }
    assert_eq!(seen, commits);
}

/// Declares the tests of the contract for one kind of journal.
macro_rules! contract {
    ($fixture:ty: $($name:ident => $check:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            crate::suite::$check::<$fixture>().await;
        }
    )*};
    ($fixture:ty) => {
        crate::suite::contract! { $fixture:
            i2_commits_come_back_in_order => order;
            i2_a_second_writer_is_fenced => second_writer_is_fenced;
            i2_an_append_too_far_ahead_appends_nothing => append_too_far_ahead_appends_nothing;
            i5_a_repeated_append_is_done_once => repeated_append_is_done_once;
            i9_oversize_is_refused_and_the_largest_is_taken => oversize_is_refused_and_the_largest_is_taken;
            a_follower_begins_at_any_position => follows_from_any_position;
            many_commits_are_read_in_few_trips => reads_many_in_few_trips;
            i2_a_changed_byte_stops_the_reader => changed_byte_stops_the_reader;
            i2_a_gap_stops_the_reader => gap_stops_the_reader;
            i2_a_fork_stops_the_reader => fork_stops_the_reader;
            i2_a_lost_end_is_told_to_who_has_read_it => lost_end_is_told_to_who_has_read_it;
        }
    };
}

/// Declares the tests for journals behind a connection.
macro_rules! remote_contract {
    ($fixture:ty) => {
        crate::suite::contract! { $fixture:
            i1_an_append_whose_acknowledgement_is_cut_off_is_settled_by_reading
                => append_whose_acknowledgement_is_cut_off_is_settled_by_reading;
            i1_an_append_that_never_arrived_is_repeated => append_that_never_arrived_is_repeated;
            a_follower_outlives_lost_connections => follower_outlives_lost_connections;
        }
    };
}

pub(crate) use {contract, remote_contract};
