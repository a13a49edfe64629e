//! Ambiguity: when more than one call could be meant, the side waits and says truly why; later evidence decides (S01,
//! invariant 6).

use paravox_domain::call::{OverCause, Stage};
use paravox_domain::id::CallId;
use paravox_domain::matching::Waiting;
use paravox_domain::time::Span;

use crate::support::{Person, World};

fn ambiguous<const N: usize>(candidates: [CallId; N]) -> Waiting {
    Waiting::Ambiguous { candidates: candidates.to_vec() }
}

fn waits(world: &World, call: CallId) -> Option<Waiting> {
    world.state.call(call).and_then(|call| call.waiting.clone())
}

/// Alice called Bob in vain, and calls again; of Bob's side nothing was reported until now. Then his telephone rings.
struct Redialled {
    world: World,
    alice: Person,
    bob: Person,
    in_vain: CallId,
    again: CallId,
    ringing: CallId,
}

fn redialled() -> Redialled {
    let mut world = World::default();
    let (alice, bob) = (world.person(), world.person());
    let in_vain = world.when(alice.calls(&bob).attempt("1")).then_waits(&Waiting::NoPartner);
    world.after(Span::seconds(10));
    let _ = world.when(alice.calls(&bob).attempt("1").at(Stage::NotAnswered)).then_over();
    world.after(Span::seconds(5));
    let again =
        world.when(alice.calls(&bob).attempt("2").reference("second")).then_waits(&Waiting::NoPartner);
    world.after(Span::seconds(2));
    let ringing = world
        .when(bob.is_called_by(&alice).attempt("two"))
        .then_events(["call.opened", "call.waits"])
        .then_waits(&ambiguous([in_vain, again]));
    Redialled { world, alice, bob, in_vain, again, ringing }
}

#[test]
fn i6_a_side_that_fits_two_calls_waits_and_so_does_the_call_that_it_fits() {
    let Redialled { world, again, ringing, .. } = redialled();
    assert_eq!(waits(&world, again), Some(ambiguous([ringing])));
}

#[test]
fn i6_an_answer_decides_against_the_call_that_was_not_answered() {
    let Redialled { mut world, alice, bob, again, ringing, .. } = redialled();
    world.after(Span::seconds(3));
    let (joined, session) = world
        .when(bob.is_called_by(&alice).answered())
        .then_events(["call.reported", "call.absorbed", "call.joined", "session.opened"])
        .then_joined();
    assert_eq!(joined, again);
    assert_eq!(world.state.call(ringing).unwrap().over.unwrap().cause, OverCause::Absorbed);
    // From now on Bob's reports mean the call into which it was absorbed.
    let over = world
        .when(bob.is_called_by(&alice).ended())
        .then_events(["call.reported", "call.ended", "session.closed"])
        .then_over();
    assert_eq!(over, again);
    assert!(world.state.session(session).unwrap().closed.is_some());
}

#[test]
fn i6_a_reference_decides() {
    let Redialled { mut world, alice, bob, again, .. } = redialled();
    let (joined, _) = world
        .when(bob.is_called_by(&alice).reference("second"))
        .then_events(["call.reported", "call.absorbed", "call.joined", "session.opened"])
        .then_joined();
    assert_eq!(joined, again);
}

#[test]
fn i6_the_time_after_which_a_call_cannot_be_meant_decides() {
    let Redialled { mut world, in_vain, again, .. } = redialled();
    let closing_until = world.state.call(in_vain).unwrap().over.unwrap().closing_until;
    let left = closing_until.since(world.now);
    assert!(world.until_due(left).is_empty());
    let events = world.until_due(Span(1));
    assert_eq!(events.len(), 3, "{events:?}");
    assert!(world.state.call(again).unwrap().session.is_some());
}

#[test]
fn i6_the_end_of_the_call_that_is_meant_leaves_no_session() {
    let Redialled { mut world, alice, bob, again, in_vain, .. } = redialled();
    let _ = world.when(bob.is_called_by(&alice).ended());
    let _ = world.when(alice.calls(&bob).attempt("2").ended());
    assert_eq!(world.state.residents().sessions, 0);
    assert!(world.state.call(again).unwrap().over.is_some());
    assert!(world.state.call(in_vain).unwrap().second.is_none());
}

#[test]
fn i6_a_side_that_may_be_late_waits_for_a_new_call_and_then_for_an_answer() {
    let mut world = World::default();
    let (alice, bob) = (world.person(), world.person());
    let in_vain = world.when(alice.calls(&bob)).then_waits(&Waiting::NoPartner);
    let _ = world.when(alice.calls(&bob).ended()).then_over();
    world.after(Span::seconds(1));
    world.when(bob.is_called_by(&alice)).then_waits(&ambiguous([in_vain]));
    world.after(Span::seconds(1));
    let joined = world
        .when(bob.is_called_by(&alice).ended())
        .then_events(["call.reported", "call.ended", "call.absorbed", "call.joined"])
        .then_over();
    assert_eq!(joined, in_vain);
    assert_eq!(world.state.residents().sessions, 0);
}

#[test]
fn i6_calls_on_different_lines_of_the_same_two_parties_are_kept_apart() {
    let mut world = World::default();
    let (alice, bob) = (world.person(), world.person());
    let alice_two = world.further_identity(&alice, "+442079469001");
    let bob_two = world.further_identity(&bob, "+442079469002");
    let first = world.when(alice.calls(&bob)).then_waits(&Waiting::NoPartner);
    world
        .when(bob_two.is_called_by(&alice_two))
        .then_waits(&Waiting::NeedsCorroboration { candidates: vec![first] });
    let (one, _) = world.when(alice_two.calls(&bob_two)).then_joined();
    let (two, _) = world.when(bob.is_called_by(&alice)).then_joined();
    assert_ne!(one, two);
    assert_eq!(two, first);
}

#[test]
fn i6_a_call_that_is_joined_makes_room_for_the_one_that_competed_with_it() {
    let Redialled { mut world, alice, bob, in_vain, again, ringing } = redialled();
    // Late, both sides name the first call's reference; then one call is left for each side.
    let _ = world.when(alice.calls(&bob).attempt("1").reference("first"));
    let late = bob.is_called_by(&alice).attempt("one").at(Stage::NotAnswered).reference("first");
    let _ = world.when(late).then_over();
    let first = world.state.call(in_vain).unwrap();
    assert!(first.second.is_some(), "{first:?}");
    let second = world.state.call(again).unwrap();
    assert!(second.session.is_some(), "{second:?}");
    assert_eq!(world.state.call(ringing).unwrap().over.unwrap().cause, OverCause::Absorbed);
}
