//! Deadlines: what time alone brings about, and when.

use paravox_domain::matching::Waiting;
use paravox_domain::time::Span;

use crate::support::{Asked, World};

#[test]
fn a_tick_that_comes_early_or_twice_changes_nothing() {
    let mut world = World::default();
    let (alice, bob) = (world.person(), world.person());
    world.when(alice.calls(&bob)).then_waits(&Waiting::NoPartner);
    let due = world.state.next_deadline().unwrap();
    assert_eq!(due, world.now + world.settings().call.window);
    let _ = world.when(Asked::tick()).then_nothing();
    world.now = due - Span(1);
    let _ = world.when(Asked::tick()).then_nothing();
    world.now = due;
    let _ = world.when(Asked::tick()).then_events(["call.ended"]);
    let _ = world.when(Asked::tick()).then_nothing();
    assert_eq!(world.state.next_deadline(), None);
}

#[test]
fn many_things_that_are_due_at_once_are_done_in_bounded_ticks() {
    let mut world = World::default();
    let shop = world.person();
    for _ in 0..300 {
        let caller = world.person();
        let _ = world.when(caller.calls(&shop));
    }
    world.after(Span::seconds(30));
    assert_eq!(world.when(Asked::tick()).events().len(), 256);
    assert_eq!(world.when(Asked::tick()).events().len(), 44);
    let _ = world.when(Asked::tick()).then_nothing();
}
