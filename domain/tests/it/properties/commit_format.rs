//! The commit's one encoding: what was written is read back, and nothing else is.

use paravox_domain::commit::{CommitBuilder, Corrupt, EncodedCommit, Position, Recorded, Settled};
use paravox_domain::digest::Digest;
use paravox_domain::id::Id;
use paravox_domain::state::State;
use proptest::prelude::*;

use super::events::{ANSWERS, KINDS};
use crate::support::{header, settings};
use crate::worlds::chance::Chance;

fn settled(chance: &mut Chance, kind: usize) -> Settled {
    Settled {
        command: Id::from_bits(u128::from(chance.next())),
        repeatable: chance.per_mille(500),
        fingerprint: chance.next(),
        request: Id::from_bits(u128::from(chance.next())),
        answer: chance.answer(kind),
    }
}

fn random_commit(seed: u64, events: usize) -> (Vec<Settled>, Vec<Recorded>, EncodedCommit) {
    let mut chance = Chance::new(seed);
    let settles: Vec<Settled> = (0..ANSWERS).map(|kind| settled(&mut chance, kind)).collect();
    let events: Vec<Recorded> = (0..events).map(|n| chance.recorded((n + seed as usize) % KINDS)).collect();
    let mut builder = CommitBuilder::new();
    for settled in &settles {
        builder.settle(settled);
    }
    for recorded in &events {
        builder.record(recorded);
    }
    let bound = builder.bytes();
    let sealed = builder.seal(&header(Position(seed), Digest::of(b"before")));
    assert!(sealed.bytes().len() <= bound);
    (settles, events, sealed)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn i3_a_commit_reads_back_as_what_was_written(seed: u64) {
        let (settles, events, sealed) = random_commit(seed, KINDS);
        let parsed = EncodedCommit::parse(sealed.bytes().clone()).unwrap();
        prop_assert_eq!(&parsed, &sealed);
        let commit = parsed.decode().unwrap();
        prop_assert_eq!(commit.digest, sealed.digest());
        prop_assert_eq!(commit.settles, settles);
        prop_assert_eq!(commit.events, events);
    }

    #[test]
    fn i2_a_changed_byte_anywhere_is_found(seed: u64, at: prop::sample::Index, change in 1..=255_u8) {
        let (_, _, sealed) = random_commit(seed, 3);
        let mut bytes = sealed.bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        prop_assert!(EncodedCommit::parse(bytes.into()).is_err());
    }

    #[test]
    fn i2_a_commit_that_is_cut_off_or_goes_on_is_found(seed: u64, at: prop::sample::Index) {
        let (_, _, sealed) = random_commit(seed, 3);
        let bytes = sealed.bytes();
        prop_assert!(EncodedCommit::parse(bytes.slice(..at.index(bytes.len()))).is_err());
        let longer = [bytes, b"x".as_slice()].concat();
        prop_assert!(EncodedCommit::parse(longer.into()).is_err());
    }

    #[test]
    fn whatever_bytes_come_are_refused_without_a_panic(bytes: Vec<u8>) {
        prop_assert!(EncodedCommit::parse(bytes.into()).is_err());
    }

    /// Somebody who can compute the digest still cannot make the reader panic.
    #[test]
    fn content_that_nobody_wrote_is_refused_without_a_panic(
        seed: u64, cut: prop::sample::Index, put in "[\\PC]{0,12}|null|-1|1e400|\\[\\[|\"\\\\ud800\"",
    ) {
        let (_, _, sealed) = random_commit(seed, 3);
        let content = String::from_utf8(sealed.bytes()[82..].to_vec()).unwrap();
        let mut at = cut.index(content.len());
        while !content.is_char_boundary(at) {
            at -= 1;
        }
        let changed = format!("{}{put}{}", &content[..at], &content[at..]);
        if let Ok(parsed) = EncodedCommit::parse(framed(&changed).into()) {
            let _ = parsed.decode();
        }
    }

    /// Evolution is total: events in any order, of entities that do not exist, apply.
    #[test]
    fn i3_whatever_is_recorded_applies(seed: u64, kinds in proptest::collection::vec(0..KINDS, 1..80)) {
        let mut chance = Chance::new(seed);
        let mut state = State::new(std::sync::Arc::new(settings()));
        let entities: Vec<_> = (0..KINDS).map(|kind| chance.recorded(kind).entity).collect();
        for (kind, position) in kinds.into_iter().zip(1..) {
            let mut recorded = chance.recorded(kind);
            if chance.per_mille(800) {
                recorded.entity = entities[kind];
            }
            state.apply(Position(position), &recorded);
        }
        let _ = state.fingerprint();
        let _ = state.next_deadline();
    }
}

/// Content under the first line that belongs to it.
fn framed(content: &str) -> Vec<u8> {
    format!("paravox-commit 1 {}\n{content}", Digest::of(content.as_bytes())).into_bytes()
}

#[test]
fn the_frame_of_these_tests_is_that_of_a_commit() {
    let (_, _, sealed) = random_commit(1, 1);
    let content = std::str::from_utf8(&sealed.bytes()[82..]).unwrap();
    assert_eq!(sealed.bytes(), &framed(content));
}

#[test]
fn p1_content_that_is_nested_too_deep_is_refused() {
    let (_, _, sealed) = random_commit(1, 1);
    let content = std::str::from_utf8(&sealed.bytes()[82..]).unwrap();
    let header = content.lines().next().unwrap();
    let deep = format!("{header}\n{}", "[".repeat(100_000));
    let parsed = EncodedCommit::parse(framed(&deep).into()).unwrap();
    assert!(matches!(parsed.decode(), Err(Corrupt::Content { part: "body", .. })));
}

#[test]
fn a_commit_of_a_later_format_is_told_from_a_damaged_one() {
    let (_, _, sealed) = random_commit(1, 1);
    let mut bytes = sealed.bytes().to_vec();
    bytes[15] = b'2';
    assert_eq!(EncodedCommit::parse(bytes.into()), Err(Corrupt::LaterFormat { found: 2 }));
}
