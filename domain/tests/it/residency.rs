//! Residency: an evicted entity comes back as it was, and decides alike.

use paravox_domain::entity::EntityId;
use paravox_domain::time::Span;

use crate::support::{Asked, World};

impl World {
    /// Evicts whatever may go; the archive has confirmed everything.
    pub(crate) fn evict_all(&mut self) -> usize {
        let position = self.position();
        let now = self.now;
        self.state.evict(position, now, 0, 10_000)
    }

    /// Brings back what a command needs, as the writer does.
    pub(crate) fn fetch(&mut self, asked: &Asked) {
        let command = self.command(asked.clone());
        for _ in 0..4 {
            let needs = self.state.needs(&command);
            if needs.is_empty() {
                return;
            }
            let mut events = Vec::new();
            for (step, position) in self.history.iter().zip(1..) {
                for recorded in step.events.iter().filter(|recorded| needs.contains(&recorded.entity)) {
                    events.push((paravox_domain::commit::Position(position), recorded.clone()));
                }
            }
            self.state.load(&needs, &events);
        }
        panic!("the needs of {:?} have no end", asked.ask);
    }

    /// Brings everything back.
    pub(crate) fn fetch_all(&mut self) {
        let mut entities: Vec<EntityId> =
            self.history.iter().flat_map(|step| &step.events).map(|recorded| recorded.entity).collect();
        entities.sort_unstable();
        entities.dedup();
        let mut events = Vec::new();
        for (step, position) in self.history.iter().zip(1..) {
            for recorded in &step.events {
                events.push((paravox_domain::commit::Position(position), recorded.clone()));
            }
        }
        self.state.load(&entities, &events);
    }
}

#[test]
fn what_is_going_on_stays_and_the_rest_goes() {
    let mut world = World::default();
    let (alice, bob) = (world.person(), world.person());
    let _ = world.when(alice.calls(&bob));
    let (call, session) = world.when(bob.is_called_by(&alice)).then_joined();
    // Two parties, two identities, two devices.
    assert_eq!(world.evict_all(), 6);
    assert!(world.state.call(call).is_some());
    assert!(world.state.session(session).is_some());
    let ended = Asked::from(bob.is_called_by(&alice).ended());
    world.fetch(&ended);
    let _ = world.when(ended).then_events(["call.reported", "call.ended", "session.closed"]);
    world.after(Span::seconds(60));
    world.evict_all();
    assert_eq!(world.state.residents().entities, 0);
    let says = alice.says(session, "too late");
    world.fetch(&says);
    world.when(says).then_rejected(&paravox_domain::answer::Rejection::SessionClosed { session });
    world.fetch_all();
}

#[test]
fn what_the_archive_has_not_confirmed_stays() {
    let mut world = World::default();
    let _ = world.person();
    let before = world.state.residents().entities;
    let now = world.now;
    assert_eq!(world.state.evict(paravox_domain::commit::Position::START, now, 0, 100), 0);
    assert_eq!(world.state.residents().entities, before);
}

#[test]
fn a_command_that_names_what_does_not_exist_needs_it_once() {
    let mut world = World::default();
    let alice = world.person();
    let asked = alice.joins(paravox_domain::id::Id::from_bits(77));
    world.fetch(&asked);
    let command = world.command(asked);
    assert_eq!(world.state.needs(&command), []);
}
