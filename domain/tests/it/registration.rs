//! Registration: codes, identities, devices, credentials (S10).

use paravox_domain::answer::{Answer, Rejection};
use paravox_domain::command::{Actor, Ask};
use paravox_domain::id::{DeviceId, Id, PartyId, RegistrationId};
use paravox_domain::identity::{Identity, InvalidNumber};
use paravox_domain::time::Span;

use crate::support::{Asked, Person, Then, World, asked, new_device};

const NUMBER: &str = "+442079460001";
const FURTHER: &str = "+442079460002";

fn start(world: &World, registration: u128, identity: &str, actor: Actor) -> Asked {
    let registration = RegistrationId::from_bits(registration);
    let code = world.codes.digest(registration, &world.codes.code(registration));
    let identity = Identity::parse(identity).unwrap();
    asked(actor, Ask::StartRegistration { registration, identity, device: new_device("phone"), code })
}

fn prove(world: &World, registration: u128, code: Option<&str>) -> Asked {
    let registration = RegistrationId::from_bits(registration);
    let right = world.codes.code(registration);
    let code = world.codes.digest(registration, code.unwrap_or(&right));
    asked(Actor::Anyone, Ask::ProveRegistration { registration, code })
}

fn started(world: &mut World, registration: u128, identity: &str, actor: Actor) -> Then {
    let asked = start(world, registration, identity, actor);
    world.when(asked)
}

fn proven(world: &mut World, registration: u128, code: Option<&str>) -> Then {
    let asked = prove(world, registration, code);
    world.when(asked)
}

/// Registers a number from the beginning to the end.
fn registered(world: &mut World, registration: u128, identity: &str) -> Person {
    started(world, registration, identity, Actor::Anyone).then_events(["registration.started"]);
    let answer = proven(world, registration, None).answer();
    let Answer::Proven { party, device: Some(device) } = answer else { panic!("not proven: {answer:?}") };
    let number = Identity::parse(identity).unwrap();
    let key = number.key(&world.settings().lookup_key);
    Person { party, device, number, key }
}

#[test]
fn s10_a_proven_number_makes_a_party_with_a_device() {
    let mut world = World::default();
    let _ = started(&mut world, 1, NUMBER, Actor::Anyone);
    let _ = proven(&mut world, 1, None).then_events([
        "registration.proven",
        "identity.claimed",
        "party.identity_added",
        "device.enrolled",
        "party.device_added",
    ]);
}

#[test]
fn s10_only_an_assigned_number_can_be_registered() {
    let mut world = World::default();
    started(&mut world, 1, "user:alice", Actor::Anyone).then_rejected(&Rejection::IdentityUnprovable);
    let cause = InvalidNumber::Unassigned { country_code: 44 };
    started(&mut world, 1, "+44000000", Actor::Anyone).then_rejected(&Rejection::NumberUnassigned { cause });
}

#[test]
fn s10_wrong_codes_count_and_close_the_registration_even_for_the_right_one() {
    let mut world = World::default();
    let _ = started(&mut world, 1, NUMBER, Actor::Anyone);
    for tries_left in (0..5).rev() {
        let _ = proven(&mut world, 1, Some("no code"))
            .then_events(["registration.code_refused"])
            .then_answer(&Answer::CodeWrong { tries_left });
    }
    let registration = RegistrationId::from_bits(1);
    proven(&mut world, 1, None).then_rejected(&Rejection::RegistrationClosed { registration });
}

#[test]
fn s10_a_code_is_good_until_the_moment_at_which_it_expires() {
    let registration = RegistrationId::from_bits(1);
    for (late, good) in [(Span(0), true), (Span(1), false)] {
        let mut world = World::default();
        let _ = started(&mut world, 1, NUMBER, Actor::Anyone);
        let lifetime = world.settings().registration.code_lifetime;
        world.after(lifetime).after(late);
        let then = proven(&mut world, 1, None);
        if good {
            let _ = then.answer();
        } else {
            then.then_rejected(&Rejection::RegistrationClosed { registration });
        }
    }
}

#[test]
fn a4_of_many_who_present_the_right_code_one_wins() {
    let mut world = World::default();
    let _ = started(&mut world, 1, NUMBER, Actor::Anyone);
    let racers: Vec<_> = (0..200).map(|_| prove(&world, 1, None)).collect();
    let won = racers.into_iter().filter(|racer| world.when(racer.clone()).outcome.is_ok()).count();
    assert_eq!(won, 1);
}

#[test]
fn s10_a_registration_that_nobody_started_is_unknown_and_an_id_is_used_once() {
    let mut world = World::default();
    let registration = RegistrationId::from_bits(1);
    proven(&mut world, 1, None).then_rejected(&Rejection::RegistrationUnknown { registration });
    let _ = started(&mut world, 1, NUMBER, Actor::Anyone);
    started(&mut world, 1, NUMBER, Actor::Anyone)
        .then_rejected(&Rejection::RegistrationExists { registration });
}

#[test]
fn s10_a_party_claims_a_further_number_with_the_device_that_it_has() {
    let mut world = World::default();
    let alice = registered(&mut world, 1, NUMBER);
    let _ = started(&mut world, 2, FURTHER, alice.actor());
    let _ = proven(&mut world, 2, None)
        .then_events(["registration.proven", "identity.claimed", "party.identity_added"])
        .then_answer(&Answer::Proven { party: alice.party, device: None });
}

#[test]
fn s10_an_identity_belongs_to_one_party() {
    let mut world = World::default();
    let alice = registered(&mut world, 1, NUMBER);
    let bob = registered(&mut world, 2, FURTHER);
    let _ = started(&mut world, 3, NUMBER, bob.actor());
    proven(&mut world, 3, None).then_rejected(&Rejection::IdentityTaken { key: alice.key });
}

#[test]
fn s10_who_proves_a_known_number_again_gets_a_further_device_of_its_party() {
    let mut world = World::default();
    let alice = registered(&mut world, 1, NUMBER);
    let again = registered(&mut world, 2, NUMBER);
    assert_eq!(alice.party, again.party);
    assert_ne!(alice.device, again.device);
}

#[test]
fn i9_a_party_has_bounded_devices_and_identities() {
    let mut settings = crate::support::settings();
    settings.registration.devices_max = 1;
    settings.registration.identities_max = 1;
    let mut world = World::with(settings);
    let alice = registered(&mut world, 1, NUMBER);
    let _ = started(&mut world, 2, NUMBER, Actor::Anyone);
    proven(&mut world, 2, None).then_rejected(&Rejection::DevicesFull { max: 1 });
    let _ = started(&mut world, 3, FURTHER, alice.actor());
    proven(&mut world, 3, None).then_rejected(&Rejection::IdentitiesFull { max: 1 });
    // A revoked device makes room.
    let _ = world.when(alice.asks(Ask::RevokeDevice { device: alice.device }));
    let _ = proven(&mut world, 2, None).answer();
}

fn rotate(device: DeviceId, generation: u32) -> Asked {
    asked(Actor::Anyone, Ask::RotateCredential { device, generation })
}

#[test]
fn s10_a_credential_is_replaced_and_a_lost_answer_is_given_again_for_a_while() {
    let mut world = World::default();
    let alice = registered(&mut world, 1, NUMBER);
    let rotated = Answer::CredentialRotated { device: alice.device, party: alice.party, generation: 2 };
    let _ =
        world.when(rotate(alice.device, 1)).then_events(["device.credential_rotated"]).then_answer(&rotated);
    let grace = world.settings().registration.rotation_grace;
    world.after(grace);
    let _ = world.when(rotate(alice.device, 1)).then_nothing().then_answer(&rotated);
}

#[test]
fn a2_a_credential_that_was_replaced_and_comes_back_puts_the_device_out() {
    for (wait, generations) in [(Span(1), [1, 1]), (Span(-60_000_000), [1, 0])] {
        let mut world = World::default();
        let alice = registered(&mut world, 1, NUMBER);
        let _ = world.when(rotate(alice.device, generations[0]));
        let grace = world.settings().registration.rotation_grace;
        world.after(grace).after(wait);
        let _ = world
            .when(rotate(alice.device, generations[1]))
            .then_events(["device.revoked", "party.device_removed"])
            .then_answer(&Answer::CredentialReused);
        world.when(rotate(alice.device, 2)).then_rejected(&Rejection::DeviceOut);
        world.when(alice.connects(1)).then_rejected(&Rejection::DeviceOut);
    }
}

#[test]
fn a3_a_generation_that_was_never_given_is_refused() {
    let mut world = World::default();
    let alice = registered(&mut world, 1, NUMBER);
    for generation in [2, 7, u32::MAX] {
        world.when(rotate(alice.device, generation)).then_rejected(&Rejection::DeviceOut);
    }
    world.when(rotate(DeviceId::from_bits(99), 1)).then_rejected(&Rejection::DeviceOut);
}

#[test]
fn s10_a_party_puts_its_own_devices_out_and_no_others() {
    let mut world = World::default();
    let alice = registered(&mut world, 1, NUMBER);
    let bob = registered(&mut world, 2, FURTHER);
    let device = bob.device;
    world.when(alice.asks(Ask::RevokeDevice { device })).then_rejected(&Rejection::DeviceUnknown { device });
    let revoke = || bob.asks(Ask::RevokeDevice { device });
    let _ = world.when(revoke()).then_events(["device.revoked", "party.device_removed"]);
    world.when(revoke()).then_rejected(&Rejection::DeviceOut);
}

#[test]
fn i7_a_device_acts_for_itself_only() {
    let mut world = World::default();
    let alice = registered(&mut world, 1, NUMBER);
    let bob = registered(&mut world, 2, FURTHER);
    let needed = "the device itself";
    let foreign = Person { party: alice.party, ..bob.clone() };
    world.when(foreign.connects(1)).then_rejected(&Rejection::DeviceOut);
    let connection = Id::from_bits(1);
    world
        .when(alice.asks(Ask::Connect { device: bob.device, connection }))
        .then_rejected(&Rejection::ActorUnfit { needed });
    world
        .when(asked(Actor::Anyone, Ask::Disconnect { device: bob.device, connection }))
        .then_rejected(&Rejection::ActorUnfit { needed });
    assert_ne!(PartyId::from_bits(0), alice.party);
}
