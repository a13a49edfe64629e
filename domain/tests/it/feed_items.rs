//! Feed items: what each device is told of an event, and nothing more (L3).

use paravox_domain::call::OverCause;
use paravox_domain::feed::{Item, ItemLegState};
use paravox_domain::session::CloseCause;

use crate::support::World;

#[test]
fn s01_both_devices_are_told_of_the_session_each_with_its_own_leg() {
    let mut world = World::default();
    let (alice, bob) = (world.person(), world.person());
    assert_eq!(world.when(alice.calls(&bob)).items_of(alice.device), []);
    let then = world.when(bob.is_called_by(&alice));
    let legs_of = |device| match then.items_of(device).as_slice() {
        [Item::SessionOpened { leg, legs, .. }] => (*leg, legs.clone()),
        other => panic!("{other:?}"),
    };
    let ((alices, all), (bobs, same)) = (legs_of(alice.device), legs_of(bob.device));
    assert_ne!(alices, bobs);
    assert_eq!(all, same);
    assert!(all.iter().all(|leg| leg.state == ItemLegState::Joined));
}

#[test]
fn s12_every_change_of_a_leg_is_told_to_all_legs() {
    let mut world = World::default();
    let (alice, bob) = (world.person(), world.person());
    let _ = world.when(bob.connects(1));
    let _ = world.when(alice.calls(&bob));
    let (call, session) = world.when(bob.is_called_by(&alice)).then_joined();
    for asked in [
        bob.disconnects(1),
        bob.connects(2),
        alice.keeps(session, true),
        alice.says(session, "hello"),
        bob.says(session, "good day"),
        alice.keeps(session, false),
    ] {
        let then = world.when(asked);
        assert_eq!(then.items_of(alice.device).len(), 1);
        assert_eq!(then.items_of(alice.device), then.items_of(bob.device));
    }
    let then = world.when(bob.is_called_by(&alice).ended());
    for device in [alice.device, bob.device] {
        assert_eq!(
            then.items_of(device),
            [
                Item::CallEnded { call, cause: OverCause::HungUp },
                Item::SessionClosed { session, cause: CloseCause::CallEnded },
            ]
        );
    }
}

#[test]
fn s12_who_leaves_is_told_so_and_hears_nothing_more() {
    let mut world = World::default();
    let (alice, bob) = (world.person(), world.person());
    let _ = world.when(alice.calls(&bob));
    let (_, session) = world.when(bob.is_called_by(&alice)).then_joined();
    let then = world.when(alice.leaves(session));
    assert_eq!(then.items_of(alice.device).len(), 1);
    assert_eq!(then.items_of(bob.device).len(), 2);
}

#[test]
fn s10_a_device_that_is_put_out_is_told() {
    let mut world = World::default();
    let alice = world.person();
    let tablet = world.further_device(&alice);
    let ask = paravox_domain::command::Ask::RevokeDevice { device: tablet.device };
    let then = world.when(alice.asks(ask));
    assert_eq!(then.items_of(tablet.device).len(), 1);
    assert_eq!(then.items_of(alice.device), []);
}
