//! Sessions: legs, messages, the end (S12, S15).

use paravox_domain::answer::{Answer, Rejection};
use paravox_domain::id::SessionId;
use paravox_domain::session::{CloseCause, LegState};
use paravox_domain::time::Span;

use crate::support::{Person, World};

fn in_session() -> (World, Person, Person, SessionId) {
    let mut world = World::default();
    let (alice, bob) = (world.person(), world.person());
    let _ = world.when(alice.connects(1));
    let _ = world.when(bob.connects(2));
    let _ = world.when(alice.calls(&bob));
    let (_, session) = world.when(bob.is_called_by(&alice)).then_joined();
    (world, alice, bob, session)
}

fn state_of(world: &World, session: SessionId, person: &Person) -> LegState {
    world.state.session(session).unwrap().leg_of(person.party).unwrap().state
}

#[test]
fn s12_a_leg_whose_last_connection_ends_is_lost_and_resumes_when_it_is_back() {
    let (mut world, alice, bob, session) = in_session();
    world.when(bob.disconnects(2)).then_events(["presence.disconnected", "session.leg_lost"]);
    assert!(matches!(state_of(&world, session, &bob), LegState::Lost { .. }));
    world.when(alice.says(session, "still there?")).then_events(["session.text_sent"]);
    world.when(bob.connects(3)).then_events(["presence.connected", "session.leg_resumed"]);
    assert_eq!(state_of(&world, session, &bob), LegState::Joined);
}

#[test]
fn s12_a_replaced_connections_end_changes_nothing() {
    let (mut world, _, bob, session) = in_session();
    world.when(bob.connects(3)).then_events(["presence.connected"]);
    world.when(bob.disconnects(2)).then_nothing();
    world.when(bob.connects(3)).then_nothing();
    assert_eq!(state_of(&world, session, &bob), LegState::Joined);
}

#[test]
fn s12_a_leg_with_another_connected_device_is_not_lost() {
    let (mut world, alice, bob, session) = in_session();
    let tablet = world.further_device(&bob);
    let _ = world.when(tablet.connects(9));
    let _ = world.when(tablet.is_called_by(&alice));
    world.when(bob.disconnects(2)).then_events(["presence.disconnected"]);
    assert_eq!(state_of(&world, session, &bob), LegState::Joined);
    world.when(tablet.disconnects(9)).then_events(["presence.disconnected", "session.leg_lost"]);
}

#[test]
fn s12_a_lost_leg_is_in_until_the_last_microsecond_of_its_grace() {
    let (mut world, _, bob, session) = in_session();
    let grace = world.settings().session.resume_grace;
    let _ = world.when(bob.disconnects(2));
    assert!(world.until_due(grace - Span(1)).is_empty());
    world.when(bob.connects(3)).then_events(["presence.connected", "session.leg_resumed"]);
    assert_eq!(state_of(&world, session, &bob), LegState::Joined);
}

#[test]
fn s12_a_leg_that_does_not_come_back_within_the_grace_leaves_and_the_session_closes() {
    let (mut world, alice, bob, session) = in_session();
    let grace = world.settings().session.resume_grace;
    let _ = world.when(bob.disconnects(2));
    assert_eq!(world.until_due(grace).len(), 2);
    assert_eq!(world.state.session(session).unwrap().closed, Some(CloseCause::LegsLeft));
    world.when(bob.connects(3)).then_events(["presence.connected"]);
    world.when(alice.says(session, "hello?")).then_rejected(&Rejection::SessionClosed { session });
}

#[test]
fn s12_a_session_outlives_its_call_by_choice_until_the_choice_is_taken_back() {
    let (mut world, alice, bob, session) = in_session();
    world.when(alice.keeps(session, true)).then_events(["session.kept"]);
    world.when(alice.keeps(session, true)).then_nothing();
    world
        .when(bob.is_called_by(&alice).ended())
        .then_events(["call.reported", "call.ended", "session.outlives_call"])
        .then_over();
    world.when(bob.says(session, "one more thing")).then_events(["session.text_sent"]);
    world.when(alice.keeps(session, false)).then_events(["session.kept", "session.closed"]);
    assert_eq!(world.state.session(session).unwrap().closed, Some(CloseCause::CallEnded));
}

#[test]
fn s12_a_session_outlives_its_call_no_longer_than_the_limit() {
    let (mut world, alice, bob, session) = in_session();
    let _ = world.when(alice.keeps(session, true));
    let _ = world.when(bob.is_called_by(&alice).ended());
    let longest = world.settings().session.outlives_longest;
    assert!(world.until_due(longest - Span(1)).is_empty());
    assert_eq!(world.until_due(Span(1)).len(), 1);
    assert_eq!(world.state.session(session).unwrap().closed, Some(CloseCause::OutlivedLongest));
}

#[test]
fn s12_a_session_that_one_keeps_outlives_the_others_refusal() {
    let (mut world, alice, bob, session) = in_session();
    let _ = world.when(alice.keeps(session, true));
    let _ = world.when(bob.keeps(session, true));
    let _ = world.when(alice.calls(&bob).ended());
    world.when(alice.keeps(session, false)).then_events(["session.kept"]);
    world.when(bob.keeps(session, false)).then_events(["session.kept", "session.closed"]);
}

#[test]
fn s12_either_side_can_leave_once_and_for_all() {
    let (mut world, alice, bob, session) = in_session();
    world.when(bob.leaves(session)).then_events(["session.leg_left", "session.closed"]);
    world.when(bob.leaves(session)).then_rejected(&Rejection::SessionClosed { session });
    world.when(bob.joins(session)).then_rejected(&Rejection::SessionClosed { session });
    assert_eq!(state_of(&world, session, &bob), LegState::Left);
    assert_eq!(state_of(&world, session, &alice), LegState::Joined);
}

#[test]
fn a1_a_stranger_learns_nothing_of_a_session() {
    let (mut world, _, _, session) = in_session();
    let mallory = world.person();
    for asked in [
        mallory.says(session, "let me in"),
        mallory.joins(session),
        mallory.keeps(session, true),
        mallory.leaves(session),
    ] {
        world.when(asked).then_rejected(&Rejection::SessionUnknown { session });
    }
}

#[test]
fn s15_messages_are_numbered_in_one_order_and_told_to_every_leg() {
    let (mut world, alice, bob, session) = in_session();
    for (n, person) in (1..).zip([&alice, &bob, &alice]) {
        let then = world.when(person.says(session, "text"));
        assert_eq!(then.items_of(alice.device), then.items_of(bob.device));
        let Answer::MessageSent { number, .. } = then.answer() else { panic!("not sent") };
        assert_eq!(number, n);
    }
}

#[test]
fn s15_a_text_has_a_size() {
    let (mut world, alice, _, session) = in_session();
    let bytes_max = world.settings().session.text_bytes_max;
    world.when(alice.says(session, "")).then_rejected(&Rejection::TextSize { bytes: 0, bytes_max });
    world.when(alice.says(session, &"x".repeat(bytes_max))).then_events(["session.text_sent"]);
    world
        .when(alice.says(session, &"x".repeat(bytes_max + 1)))
        .then_rejected(&Rejection::TextSize { bytes: bytes_max + 1, bytes_max });
}

#[test]
fn i9_a_session_holds_a_bounded_number_of_messages() {
    let mut settings = crate::support::settings();
    settings.session.messages_max = 2;
    let mut world = World::with(settings);
    let (alice, bob) = (world.person(), world.person());
    let _ = world.when(alice.calls(&bob));
    let (_, session) = world.when(bob.is_called_by(&alice)).then_joined();
    let _ = world.when(alice.says(session, "1"));
    let _ = world.when(bob.says(session, "2"));
    world.when(alice.says(session, "3")).then_rejected(&Rejection::MessagesFull { max: 2 });
}

#[test]
fn s12_a_call_that_ends_closes_the_session_that_nobody_keeps() {
    let (mut world, alice, bob, session) = in_session();
    let _ = world.when(alice.calls(&bob).ended());
    assert_eq!(world.state.session(session).unwrap().closed, Some(CloseCause::CallEnded));
    world.when(alice.says(session, "too late")).then_rejected(&Rejection::SessionClosed { session });
    world.when(alice.keeps(session, true)).then_rejected(&Rejection::SessionClosed { session });
}
