//! One-time codes: sent once, tried again, given up, skipped when they are no longer good.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use paravox_domain::command::{Actor, Ask};
use paravox_domain::id::{Id as _, RegistrationId};
use paravox_domain::identity::{E164, Identity};
use paravox_domain::ports::{Boxed, Sms, SmsError};
use paravox_domain::registration::{Codes, DeviceKind, DeviceName, NewDevice};
use paravox_domain::time::Span;
use paravox_harness::eventually;
use paravox_projections::Db;
use paravox_projections::reader::{Runner, RunnerHandle, TaskHandle};
use paravox_projections::sms::{SmsOptions, SmsSender};

use crate::database::{Fresh, on_both};
use crate::world::{SECRET, SOON, World, options};

on_both!(
    s10_a_code_is_sent_once_with_its_registration_as_key,
    s10_a_failing_number_holds_up_no_other_and_is_given_up,
    s10_what_is_proven_or_expired_is_not_sent,
    i5_of_two_senders_one_sends,
);

/// A service that keeps what it is given, and refuses some numbers.
#[derive(Default)]
struct Service {
    tried: Mutex<Vec<(String, String, String)>>,
    away_for: Mutex<BTreeMap<String, usize>>,
}

impl Sms for Service {
    fn send<'a>(&'a self, key: &'a str, to: E164, text: &'a str) -> Boxed<'a, Result<(), SmsError>> {
        Box::pin(async move {
            self.tried.lock().unwrap().push((key.to_owned(), to.to_string(), text.to_owned()));
            match self.away_for.lock().unwrap().get_mut(&to.to_string()) {
                Some(0) | None => Ok(()),
                Some(left) => {
                    *left -= 1;
                    Err(SmsError::Unavailable("the service is away".into()))
                }
            }
        })
    }
}

impl Service {
    fn tried(&self, number: &str) -> Vec<(String, String, String)> {
        self.tried.lock().unwrap().iter().filter(|(_, to, _)| to == number).cloned().collect()
    }

    async fn is_tried(&self, number: &str, times: usize) {
        eventually("the tries", SOON, async || (self.tried(number).len() >= times).then_some(()))
            .await
            .unwrap();
    }
}

fn started(world: &mut World, bits: u128, number: &str) -> RegistrationId {
    let registration = RegistrationId::from_bits(bits);
    let codes = Codes::new(&SECRET);
    let code = codes.digest(registration, &codes.code(registration));
    let device = NewDevice { name: DeviceName::parse("telephone").unwrap(), kind: DeviceKind::Phone };
    let identity = Identity::parse(number).unwrap();
    world.ask(Actor::Anyone, Ask::StartRegistration { registration, identity, device, code }).unwrap();
    registration
}

fn sending(world: &World, db: &Db, service: &Arc<Service>) -> (RunnerHandle, TaskHandle) {
    let sms = SmsOptions {
        tries_max: 3,
        pause_first: Span::millis(1),
        pause_longest: Span::millis(2),
        look_every: Duration::from_millis(20),
        ..SmsOptions::default()
    };
    let clock = Arc::new(world.clock.clone());
    let service = Arc::clone(service) as Arc<dyn Sms>;
    let sender = SmsSender::new(db.clone(), service, Codes::new(&SECRET), clock.clone(), sms);
    let runner = Runner::new(world.any_journal(), db.clone(), clock, options()).with(sender.outbox()).start();
    (runner, sender.start())
}

async fn s10_a_code_is_sent_once_with_its_registration_as_key(fresh: Fresh) {
    let (db, mut world, service) = (fresh.open().await, World::new(), Arc::new(Service::default()));
    let (runner, sender) = sending(&world, &db, &service);
    let registration = started(&mut world, 1, "+442079460001");
    world.commit().await;
    service.is_tried("+442079460001", 1).await;
    let code = Codes::new(&SECRET).code(registration);
    let (key, _, text) = service.tried("+442079460001").remove(0);
    assert_eq!(key, registration.to_string());
    assert!(text.starts_with(&format!("Your Paravox code is {code}")) && text.len() <= 160);
    sender.shutdown().await;
    runner.shutdown().await;
    // Again after a restart, with another one: the first is not sent twice.
    let (runner, sender) = sending(&world, &db, &service);
    started(&mut world, 2, "+442079460002");
    world.commit().await;
    service.is_tried("+442079460002", 1).await;
    assert_eq!(service.tried("+442079460001").len(), 1);
    sender.shutdown().await;
    runner.shutdown().await;
}

async fn s10_a_failing_number_holds_up_no_other_and_is_given_up(fresh: Fresh) {
    let (db, mut world, service) = (fresh.open().await, World::new(), Arc::new(Service::default()));
    service
        .away_for
        .lock()
        .unwrap()
        .extend([("+442079460001".to_owned(), 99), ("+442079460002".to_owned(), 1)]);
    let (runner, sender) = sending(&world, &db, &service);
    started(&mut world, 1, "+442079460001");
    started(&mut world, 2, "+442079460002");
    started(&mut world, 3, "+442079460003");
    world.commit().await;
    service.is_tried("+442079460003", 1).await;
    // The pauses are by the realm's clock.
    let moved = eventually("all tries", SOON, async || {
        world.clock.advance(Span::millis(5));
        let tries = [service.tried("+442079460001").len(), service.tried("+442079460002").len()];
        (tries == [3, 2]).then_some(())
    });
    moved.await.unwrap();
    for _ in 0..5 {
        world.clock.advance(Span::millis(5));
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(service.tried("+442079460001").len(), 3, "given up");
    let keys: Vec<_> = service.tried("+442079460001").into_iter().map(|(key, ..)| key).collect();
    assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
    sender.shutdown().await;
    runner.shutdown().await;
}

async fn s10_what_is_proven_or_expired_is_not_sent(fresh: Fresh) {
    let (db, mut world, service) = (fresh.open().await, World::new(), Arc::new(Service::default()));
    world.register("+442079460001").await;
    started(&mut world, 100, "+442079460002");
    world.commit().await;
    world.clock.advance(Span::seconds(601));
    started(&mut world, 101, "+442079460003");
    world.commit().await;
    let (runner, sender) = sending(&world, &db, &service);
    service.is_tried("+442079460003", 1).await;
    sender.shutdown().await;
    runner.shutdown().await;
    assert_eq!(service.tried.lock().unwrap().len(), 1);
}

async fn i5_of_two_senders_one_sends(fresh: Fresh) {
    let (db, mut world, service) = (fresh.open().await, World::new(), Arc::new(Service::default()));
    let (one, two) = (sending(&world, &db, &service), sending(&world, &fresh.open().await, &service));
    for bits in 1..=10 {
        started(&mut world, bits, &format!("+4420794600{bits:02}"));
        world.commit().await;
    }
    for bits in 1..=10 {
        service.is_tried(&format!("+4420794600{bits:02}"), 1).await;
    }
    for (runner, sender) in [one, two] {
        sender.shutdown().await;
        runner.shutdown().await;
    }
    assert_eq!(service.tried.lock().unwrap().len(), 10);
}
