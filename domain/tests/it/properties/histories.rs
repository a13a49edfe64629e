//! Properties of whole histories.

use paravox_domain::matching::{Decision, find_other_side};
use paravox_domain::time::Span;
use proptest::prelude::*;

use super::commands::{people, steps};
use crate::support::{Asked, World};

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Deciders are total: no command panics, and one that is rejected changes nothing (`World::submit` compares). When
    /// the world is dropped, the encoded history is decoded and applied: it gives the same state (design, invariant 4).
    #[test]
    fn i4_whatever_is_asked_the_replayed_history_gives_the_state_that_ran_live(steps in steps(60)) {
        let mut world = World::default();
        let people = people(&mut world);
        for step in steps {
            world.until_due(step.pause);
            let asked = step.asked(&world, &people);
            let _ = world.when(asked).outcome;
        }
    }

    /// A state that was replayed decides as the one that ran live.
    #[test]
    fn i4_a_replayed_state_decides_alike(before in steps(30), after in steps(30)) {
        let mut world = World::default();
        let people = people(&mut world);
        for step in before {
            world.until_due(step.pause);
            let asked = step.asked(&world, &people);
            let _ = world.when(asked).outcome;
        }
        let mut replayed = world.replayed();
        prop_assert_eq!(replayed.next_deadline(), world.state.next_deadline());
        for step in after {
            world.after(step.pause);
            let asked = step.asked(&world, &people);
            for asked in [Asked::tick(), asked] {
                let command = world.command(asked);
                let again = replayed.transact(&command, world.position().next(), 0);
                prop_assert_eq!(world.submit(&command).outcome, again);
            }
        }
    }

    /// Eviction changes no decision: what a command needs comes back as it was.
    #[test]
    fn evicting_whatever_may_go_at_any_moment_changes_no_decision(steps in steps(60)) {
        let mut world = World::default();
        let people = people(&mut world);
        let mut resident = world.replayed();
        for step in steps {
            world.after(step.pause);
            let asked = step.asked(&world, &people);
            for asked in [Asked::tick(), asked] {
                if step.evict {
                    world.evict_all();
                }
                world.fetch(&asked);
                let command = world.command(asked);
                let expected = resident.transact(&command, world.position().next(), 0);
                prop_assert_eq!(world.submit(&command).outcome, expected);
            }
        }
        world.fetch_all();
        prop_assert_eq!(world.state.differences(&resident), []);
    }

    /// A repeat of a tick changes nothing, nor does one before the next deadline.
    #[test]
    fn a_tick_is_needed_only_when_a_deadline_has_come(steps in steps(40)) {
        let mut world = World::default();
        let people = people(&mut world);
        for step in steps {
            world.until_due(step.pause);
            prop_assert!(world.state.next_deadline().is_none_or(|deadline| deadline > world.now));
            prop_assert_eq!(world.when(Asked::tick()).events(), []);
            let asked = step.asked(&world, &people);
            let _ = world.when(asked).outcome;
        }
    }

    /// Of any two sides that were joined, neither contradicts the other in its numbers, and a session never holds a
    /// party twice; a call that waits says truly why (invariant 6).
    #[test]
    fn i6_joined_sides_name_nobody_else_and_reasons_to_wait_are_true(steps in steps(60)) {
        let mut world = World::default();
        let people = people(&mut world);
        let mut calls = Vec::new();
        for step in steps {
            world.until_due(step.pause);
            let asked = step.asked(&world, &people);
            if let Ok(done) = world.when(asked).outcome {
                for recorded in done.events {
                    match recorded.entity {
                        paravox_domain::entity::EntityId::Call(id) if !calls.contains(&id) => calls.push(id),
                        _ => {}
                    }
                }
            }
            for (id, call) in calls.iter().filter_map(|id| Some((*id, world.state.call(*id)?))) {
                if let Some(second) = &call.second {
                    use paravox_domain::call::Naming::SomebodyElse;
                    prop_assert_ne!(call.first.party, second.party);
                    prop_assert_ne!(call.first.naming(second.other), SomebodyElse);
                    prop_assert_ne!(second.naming(call.first.other), SomebodyElse);
                    prop_assert!(call.first.role.fits_opposite(second.role));
                } else if call.over.is_none() {
                    let candidates = world.state.calls_that_name_side(&call.first, world.now);
                    let settings = &world.state.settings().call;
                    let decision = find_other_side(&call.first, Some(id), &candidates, settings);
                    prop_assert_eq!(Some(decision), call.waiting.clone().map(Decision::Wait));
                }
            }
            world.after(Span(1));
        }
    }
}
