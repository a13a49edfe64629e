//! Golden files: what was once written stays readable for ever, and is written the same today.
//!
//! `commit-v1-*.txt` are commits that hold every stored event and every answer. `journal-v1.txt` is the journal of a small
//! story, three lines a commit, and `journal-v1.fingerprint.txt` the fingerprint of the state to which it leads.
//! A changed stored form is a new version of its event, with files of its own: `cargo test --test it -- --ignored` writes
//! those that do not exist yet. A file that exists is never written again.

use std::collections::BTreeSet;
use std::sync::Arc;

use paravox_domain::call::Stage;
use paravox_domain::command::{Actor, Ask};
use paravox_domain::commit::chain::{ChainCheck, Link};
use paravox_domain::commit::{CommitBuilder, EncodedCommit, Position, Recorded, Settled};
use paravox_domain::digest::Digest;
use paravox_domain::id::{Id, RegistrationId};
use paravox_domain::identity::Identity;
use paravox_domain::state::State;
use paravox_domain::stored::type_name;
use paravox_domain::time::Span;

use crate::properties::events::{ANSWERS, KINDS};
use crate::support::{World, asked, header, new_device, settings};
use crate::worlds::chance::Chance;

const COMMITS: [(&str, u64); 3] = [
    ("tests/golden/commit-v1-1.txt", 1),
    ("tests/golden/commit-v1-2.txt", 2),
    ("tests/golden/commit-v1-3.txt", 3),
];
const JOURNAL: &str = "tests/golden/journal-v1.txt";
const FINGERPRINT: &str = "tests/golden/journal-v1.fingerprint.txt";

#[expect(clippy::disallowed_methods, reason = "a golden file is a file")]
fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A commit with one event of each kind and one answer of each kind.
fn contents(seed: u64) -> (Vec<Settled>, Vec<Recorded>) {
    let mut chance = Chance::new(seed);
    let settles = (0..ANSWERS).map(|kind| Settled {
        command: Id::from_bits(kind as u128),
        repeatable: kind % 2 == 0,
        fingerprint: seed + kind as u64,
        request: Id::from_bits(seed.into()),
        answer: chance.answer(kind),
    });
    let settles = settles.collect();
    (settles, (0..KINDS).map(|kind| chance.recorded(kind)).collect())
}

fn encode(settles: &[Settled], events: &[Recorded], seed: u64) -> EncodedCommit {
    let mut builder = CommitBuilder::new();
    for settled in settles {
        builder.settle(settled);
    }
    for recorded in events {
        builder.record(recorded);
    }
    builder.seal(&header(Position(seed), Digest::of(&seed.to_be_bytes())))
}

#[test]
fn i3_a_golden_commit_decodes_to_what_was_recorded_and_is_encoded_the_same_today() {
    for (path, seed) in COMMITS {
        let golden = read(path);
        let parsed = EncodedCommit::parse(golden.clone().into()).unwrap();
        let commit = parsed.decode().unwrap();
        let (settles, events) = contents(seed);
        assert_eq!(commit.settles, settles, "{path}");
        assert_eq!(commit.events, events, "{path}");
        let today = encode(&commit.settles, &commit.events, seed);
        assert_eq!(std::str::from_utf8(today.bytes()), Ok(golden.as_str()), "{path}");
    }
}

#[test]
fn i3_the_golden_commits_hold_every_stored_event() {
    for (path, _) in COMMITS {
        let commit = EncodedCommit::parse(read(path).into()).unwrap().decode().unwrap();
        let types: BTreeSet<_> = commit.events.iter().map(|recorded| type_name(&recorded.event)).collect();
        assert_eq!(types.len(), KINDS, "{path}");
    }
}

/// The commits of a journal file: three lines each.
fn journal(text: &str) -> Vec<EncodedCommit> {
    let lines: Vec<&str> = text.lines().collect();
    lines.chunks(3).map(|lines| EncodedCommit::parse(lines.join("\n").into()).unwrap()).collect()
}

#[test]
fn c4_i3_the_golden_journal_gives_the_golden_state() {
    let commits = journal(&read(JOURNAL));
    assert!(commits.len() > 30, "{} commits", commits.len());
    let mut chain = ChainCheck::after("test", Link::START);
    let mut state = State::new(Arc::new(settings()));
    for commit in &commits {
        chain.accept(commit).unwrap();
        state.apply_commit(&commit.decode().unwrap());
    }
    assert_eq!(state.fingerprint().to_string(), read(FINGERPRINT).trim());
}

/// Two people register, call each other in vain and again, write, lose a connection, part, and one puts a device out.
fn story() -> World {
    let mut world = World::default();
    for (registration, number) in [(1, "+442079471001"), (2, "+442079471002")] {
        let registration = RegistrationId::from_bits(registration);
        let identity = Identity::parse(number).unwrap();
        for presented in ["wrong", &world.codes.code(registration)] {
            let code = world.codes.digest(registration, &world.codes.code(registration));
            let (identity, device) = (identity.clone(), new_device("Anne's \"phone\""));
            let start = Ask::StartRegistration { registration, identity, device, code };
            let _ = world.when(asked(Actor::Anyone, start)).outcome;
            let code = world.codes.digest(registration, presented);
            let _ = world.when(asked(Actor::Anyone, Ask::ProveRegistration { registration, code })).outcome;
        }
    }
    let (anne, ben, carol) = (world.person(), world.person(), world.person());
    let tablet = world.further_device(&ben);
    let _ = world.when(anne.connects(1));
    let _ = world.when(ben.connects(2));
    let _ = world.when(anne.calls(&ben).attempt("1"));
    world.until_due(Span::seconds(9));
    let _ = world.when(anne.calls(&ben).attempt("1").at(Stage::NotAnswered));
    world.until_due(Span::seconds(4));
    let _ = world.when(anne.calls(&ben).attempt("2").reference("second"));
    let _ = world.when(ben.is_called_by(&anne).happened(world.now));
    world.until_due(Span::seconds(3));
    let (_, session) = world.when(ben.is_called_by(&anne).answered().happened(world.now)).then_joined();
    let _ = world.when(tablet.is_called_by(&anne).answered());
    let _ = world.when(anne.says(session, "hello <\"world\">\n"));
    let _ = world.when(ben.disconnects(2));
    let _ = world.when(ben.connects(3));
    let _ = world.when(anne.keeps(session, true));
    let _ = world.when(carol.calls(&anne).by_service("carrier"));
    let _ = world.when(anne.is_called_by_somebody());
    let (_, other) = world.when(anne.is_called_by(&carol)).then_joined();
    let _ = world.when(carol.joins(other));
    let _ = world.when(carol.is_called_by(&anne).without_role().reference("third"));
    let _ = world.when(anne.is_called_by(&carol).answered().reference("fourth"));
    let _ = world.when(anne.calls(&ben).attempt("2").ended());
    let _ = world.when(ben.says(session, "one more thing"));
    let _ = world.when(ben.leaves(session));
    let _ = world.when(ben.asks(Ask::RotateCredential { device: ben.device, generation: 1 }));
    let _ = world.when(ben.asks(Ask::RevokeDevice { device: tablet.device }));
    world.until_due(Span::seconds(20_000));
    world
}

#[test]
#[ignore = "writes the golden files that do not exist yet"]
#[expect(clippy::disallowed_types, reason = "a golden file is a file")]
fn golden_files_are_written_once() {
    let write = |path: &str, bytes: &[u8]| {
        let mut options = std::fs::OpenOptions::new();
        if let Ok(mut file) = options.write(true).create_new(true).open(path) {
            std::io::Write::write_all(&mut file, bytes).unwrap();
        }
    };
    for (path, seed) in COMMITS {
        let (settles, events) = contents(seed);
        write(path, encode(&settles, &events, seed).bytes());
    }
    let world = story();
    let mut text = Vec::new();
    for commit in world.encoded() {
        text.extend_from_slice(commit.bytes());
        text.push(b'\n');
    }
    write(JOURNAL, &text);
    write(FINGERPRINT, format!("{}\n", world.state.fingerprint()).as_bytes());
}
