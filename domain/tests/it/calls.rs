//! Calls and their matching, with both numbers known (S01).

use paravox_domain::answer::Rejection;
use paravox_domain::call::{OverCause, Stage};
use paravox_domain::matching::Waiting;
use paravox_domain::time::{Instant, Span};

use crate::support::{Person, World};

fn two() -> (World, Person, Person) {
    let mut world = World::default();
    let (alice, bob) = (world.person(), world.person());
    (world, alice, bob)
}

#[test]
fn s01_two_notifications_in_either_order_open_one_session() {
    let (mut world, alice, bob) = two();
    world.when(alice.calls(&bob)).then_events(["call.opened"]).then_waits(&Waiting::NoPartner);
    let (call, session) =
        world.when(bob.is_called_by(&alice)).then_events(["call.joined", "session.opened"]).then_joined();
    assert_eq!(world.state.call(call).unwrap().session, Some(session));
    assert_eq!(world.state.session(session).unwrap().told(), [alice.device, bob.device]);

    let (mut world, alice, bob) = two();
    world.when(bob.is_called_by(&alice)).then_events(["call.opened"]).then_waits(&Waiting::NoPartner);
    let (_, session) =
        world.when(alice.calls(&bob)).then_events(["call.joined", "session.opened"]).then_joined();
    assert_eq!(world.state.session(session).unwrap().told(), [bob.device, alice.device]);
}

#[test]
fn s01_a_repeated_notification_changes_nothing_and_is_answered_the_same() {
    let (mut world, alice, bob) = two();
    let call = world.when(alice.calls(&bob)).then_waits(&Waiting::NoPartner);
    let again = world.when(alice.calls(&bob)).then_nothing().then_waits(&Waiting::NoPartner);
    assert_eq!(call, again);
    let joined = world.when(bob.is_called_by(&alice)).then_joined();
    assert_eq!(world.when(bob.is_called_by(&alice)).then_nothing().then_joined(), joined);
    assert_eq!(world.when(alice.calls(&bob)).then_nothing().then_joined(), joined);
}

#[test]
fn s01_later_stages_belong_to_the_call_and_its_end_closes_the_session() {
    let (mut world, alice, bob) = two();
    let _ = world.when(alice.calls(&bob));
    let (call, _) = world.when(bob.is_called_by(&alice)).then_joined();
    world.after(Span::seconds(8));
    world.when(bob.is_called_by(&alice).answered()).then_events(["call.reported"]).then_joined();
    world.when(alice.calls(&bob).answered()).then_events(["call.reported"]).then_joined();
    world.after(Span::seconds(600));
    let over = world
        .when(alice.calls(&bob).ended())
        .then_events(["call.reported", "call.ended", "session.closed"])
        .then_over();
    assert_eq!(over, call);
    assert_eq!(world.when(bob.is_called_by(&alice).ended()).then_events(["call.reported"]).then_over(), call);
    assert_eq!(world.state.call(call).unwrap().over.unwrap().cause, OverCause::HungUp);
}

#[test]
fn s01_a_report_of_the_end_that_comes_before_the_others_joins_without_a_session() {
    let (mut world, alice, bob) = two();
    let _ = world.when(alice.calls(&bob));
    world.after(Span::seconds(2));
    let over = world
        .when(bob.is_called_by(&alice).at(Stage::NotAnswered).happened(Instant(20_000_000)))
        .then_events(["call.joined", "call.ended"])
        .then_over();
    assert_eq!(world.state.call(over).unwrap().over.unwrap().cause, OverCause::NotAnswered);
    // By Bob's clock, which is decades off, the telephone rang before that.
    let late = bob.is_called_by(&alice).happened(Instant(5_000_000));
    assert_eq!(world.when(late).then_events(["call.reported"]).then_over(), over);
}

#[test]
fn s01_call_waiting_a_party_in_two_calls_at_once_has_two_sessions() {
    let mut world = World::default();
    let (alice, bob, carol) = (world.person(), world.person(), world.person());
    let _ = world.when(alice.calls(&bob));
    let (first, with_bob) = world.when(bob.is_called_by(&alice)).then_joined();
    world.after(Span::seconds(40));
    world.when(carol.calls(&alice)).then_waits(&Waiting::NoPartner);
    let (second, with_carol) = world.when(alice.is_called_by(&carol)).then_joined();
    assert_ne!(first, second);
    assert_ne!(with_bob, with_carol);
    world.when(alice.is_called_by(&carol).ended()).then_over();
    assert!(world.state.session(with_bob).unwrap().closed.is_none());
    assert!(world.state.session(with_carol).unwrap().closed.is_some());
}

#[test]
fn s01_a_second_call_between_the_same_two_a_minute_later_is_a_call_of_its_own() {
    for names in [[None, None], [Some("1"), Some("2")]] {
        let (mut world, alice, bob) = two();
        let named = |report: crate::support::Report, n: usize| match names[n] {
            Some(name) => report.attempt(name),
            None => report,
        };
        let _ = world.when(named(alice.calls(&bob), 0));
        let (first, _) = world.when(named(bob.is_called_by(&alice), 0)).then_joined();
        let _ = world.when(named(alice.calls(&bob).ended(), 0));
        let _ = world.when(named(bob.is_called_by(&alice).ended(), 0));
        world.until_due(Span::seconds(60));
        world.when(named(alice.calls(&bob), 1)).then_events(["call.opened"]).then_waits(&Waiting::NoPartner);
        let (second, _) = world.when(named(bob.is_called_by(&alice), 1)).then_joined();
        assert_ne!(first, second);
    }
}

#[test]
fn s01_a_redial_while_the_first_call_is_closing_is_a_call_of_its_own() {
    for names in [[None, None], [Some("1"), Some("2")]] {
        let (mut world, alice, bob) = two();
        let named = |report: crate::support::Report, n: usize| match names[n] {
            Some(name) => report.attempt(name),
            None => report,
        };
        let _ = world.when(named(alice.calls(&bob), 0));
        let (first, _) = world.when(named(bob.is_called_by(&alice), 0)).then_joined();
        world.when(named(alice.calls(&bob).ended(), 0)).then_over();
        world.after(Span::seconds(1));
        world.when(named(alice.calls(&bob), 1)).then_events(["call.opened"]).then_waits(&Waiting::NoPartner);
        // The other side's end of the first call is late.
        assert_eq!(world.when(named(bob.is_called_by(&alice).ended(), 0)).then_over(), first);
        world.after(Span::seconds(1));
        let (second, session) = world.when(named(bob.is_called_by(&alice), 1)).then_joined();
        assert_ne!(first, second);
        assert!(world.state.session(session).unwrap().closed.is_none());
        // And the end of the second one is its own.
        assert_eq!(world.when(named(alice.calls(&bob).ended(), 1)).then_over(), second);
    }
}

#[test]
fn s01_two_people_who_call_each_other_at_once_are_in_two_calls() {
    let (mut world, alice, bob) = two();
    world.when(alice.calls(&bob)).then_waits(&Waiting::NoPartner);
    world.when(bob.calls(&alice)).then_events(["call.opened"]).then_waits(&Waiting::NoPartner);
    let (one, _) = world.when(bob.is_called_by(&alice)).then_joined();
    let (two, _) = world.when(alice.is_called_by(&bob)).then_joined();
    assert_ne!(one, two);
}

#[test]
fn s01_a_reporter_that_does_not_know_its_end_is_matched_by_the_numbers() {
    let (mut world, alice, bob) = two();
    let _ = world.when(alice.calls(&bob).without_role());
    world.when(bob.is_called_by(&alice).without_role()).then_joined();
}

#[test]
fn s10_identities_of_different_forms_are_one_party() {
    let (mut world, alice, bob) = two();
    let bob_by_sip = world.further_identity(&bob, "sip:bob@example.org");
    let _ = world.when(alice.calls(&bob));
    world.when(bob_by_sip.is_called_by(&alice)).then_joined();
}

#[test]
fn s01_further_devices_of_a_party_take_part_in_its_leg() {
    let (mut world, alice, bob) = two();
    let tablet = world.further_device(&bob);
    let _ = world.when(alice.calls(&bob));
    let (_, session) = world.when(bob.is_called_by(&alice)).then_joined();
    world
        .when(tablet.is_called_by(&alice))
        .then_events(["call.reported", "session.device_joined"])
        .then_joined();
    let session = world.state.session(session).unwrap();
    assert_eq!(session.legs.len(), 2);
    assert_eq!(session.leg_of(bob.party).unwrap().devices, [bob.device, tablet.device]);
}

#[test]
fn i7_a_device_cannot_speak_for_an_identity_that_is_not_its_partys() {
    let (mut world, alice, bob) = two();
    let mallory = world.person();
    world.when(alice.calls(&bob).by(&mallory)).then_rejected(&Rejection::NotYours);
    world.when(bob.is_called_by(&alice).by(&mallory)).then_rejected(&Rejection::NotYours);
}

#[test]
fn i6_a_party_cannot_be_both_sides() {
    let (mut world, alice, _) = two();
    let other = world.further_identity(&alice, "sip:alice@example.org");
    world.when(alice.calls(&alice)).then_rejected(&Rejection::SameParty);
    world.when(alice.calls(&other)).then_rejected(&Rejection::SameParty);
}

#[test]
fn i6_somebody_who_claims_to_call_does_not_get_into_a_withheld_call() {
    let (mut world, alice, bob) = two();
    let call = world.when(bob.is_called_by_somebody()).then_waits(&Waiting::NoPartner);
    world.when(alice.calls(&bob)).then_waits(&Waiting::NeedsCorroboration { candidates: vec![call] });
}

#[test]
fn s03_a_service_reports_for_a_party_whose_devices_are_invited() {
    let (mut world, alice, bob) = two();
    let computer = world.further_device(&alice);
    let _ = world.when(alice.calls(&bob).by_service("carrier"));
    let (_, session) = world.when(bob.is_called_by(&alice)).then_joined();
    let value = world.state.session(session).unwrap();
    assert_eq!(value.told(), [alice.device, computer.device, bob.device]);
    world.when(alice.says(session, "early")).then_rejected(&Rejection::LegNotJoined { session });
    world.when(computer.joins(session)).then_events(["session.device_joined"]);
    let value = world.state.session(session).unwrap();
    assert_eq!(value.leg_of(alice.party).unwrap().devices, [computer.device]);
}

#[test]
fn s03_a_service_cannot_report_for_nobody() {
    let (mut world, _, bob) = two();
    let nobody = Person { number: crate::support::number(9_999), key: stranger(&world), ..bob.clone() };
    world.when(nobody.calls(&bob).by_service("carrier")).then_rejected(&Rejection::PartyUnknown);
}

fn stranger(world: &World) -> paravox_domain::identity::LookupKey {
    crate::support::number(9_999).key(&world.settings().lookup_key)
}

#[test]
fn i9_an_identity_has_a_bounded_number_of_open_calls_and_nobody_else_can_fill_it() {
    let mut settings = crate::support::settings();
    settings.call.open_per_identity_max = 2;
    let mut world = World::with(settings);
    let people: Vec<Person> = (0..5).map(|_| world.person()).collect();
    let (alice, others) = people.split_first().unwrap();
    for caller in others {
        world.when(caller.calls(alice)).then_waits(&Waiting::NoPartner);
    }
    world.when(alice.is_called_by(&others[0])).then_joined();
    world.when(alice.is_called_by(&others[1])).then_joined();
    world.when(alice.calls(&others[3])).then_rejected(&Rejection::CallsFull { max: 2 });
    world.when(alice.is_called_by(&others[0]).ended()).then_over();
    world.when(alice.calls(&others[3])).then_waits(&Waiting::NoPartner);
}

#[test]
fn i6_contradicting_references_keep_sides_apart_and_equal_ones_prove() {
    let (mut world, alice, bob) = two();
    let _ = world.when(alice.calls(&bob).reference("one"));
    world.when(bob.is_called_by(&alice).reference("two")).then_waits(&Waiting::NoPartner);
    world.when(bob.is_called_by(&alice).reference("one")).then_joined();
}

#[test]
fn i6_a_reference_that_contradicts_a_join_parts_it_and_everybody_is_told() {
    let (mut world, alice, bob) = two();
    let _ = world.when(alice.calls(&bob).reference("one"));
    let (call, session) = world.when(bob.is_called_by(&alice)).then_joined();
    world
        .when(bob.is_called_by(&alice).answered().reference("two"))
        .then_events(["call.reported", "call.parted", "session.closed"])
        .then_over();
    assert_eq!(world.state.call(call).unwrap().over.unwrap().cause, OverCause::Contradicted);
    assert!(world.state.session(session).unwrap().closed.is_some());
}

#[test]
fn s01_a_call_whose_other_side_nobody_reports_is_let_go_at_the_end_of_the_window() {
    let (mut world, alice, bob) = two();
    let call = world.when(alice.calls(&bob)).then_waits(&Waiting::NoPartner);
    let window = world.settings().call.window;
    assert!(world.until_due(window - Span(1)).is_empty());
    assert_eq!(world.until_due(Span(1)).len(), 1);
    assert_eq!(world.state.call(call).unwrap().over.unwrap().cause, OverCause::NoPartner);
}

#[test]
fn s01_a_call_that_is_still_reported_after_the_window_gets_another_one() {
    let (mut world, alice, bob) = two();
    let _ = world.when(alice.calls(&bob));
    world.until_due(Span::seconds(50));
    let _ = world.when(alice.calls(&bob).answered());
    world.when(bob.is_called_by(&alice).answered()).then_joined();
}

#[test]
fn s01_a_call_whose_end_nobody_reports_is_given_up() {
    let (mut world, alice, bob) = two();
    let _ = world.when(alice.calls(&bob));
    let (call, session) = world.when(bob.is_called_by(&alice)).then_joined();
    let longest = world.settings().call.longest;
    world.until_due(longest);
    assert_eq!(world.state.call(call).unwrap().over.unwrap().cause, OverCause::GivenUp);
    assert!(world.state.session(session).unwrap().closed.is_some());
}
