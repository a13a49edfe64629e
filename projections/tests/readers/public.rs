//! Public events: their form, their ids, at least once and nothing personal.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use paravox_domain::ports::query::PublicBus;
use paravox_domain::ports::{Boxed, Cause};
use paravox_harness::eventually;
use paravox_projections::Db;
use paravox_projections::public::{PUBLIC_TYPES, PublicEvent, PublicOptions, Publisher, public_events};
use serde_json::Value;

use crate::database::{Fresh, on_both};
use crate::world::{SOON, World};

on_both!(
    each_public_event_is_published_in_order_and_once_while_nothing_fails,
    after_a_failure_and_a_restart_nothing_is_missing_and_ids_are_the_same,
    i5_of_two_publishers_one_publishes,
);

/// A bus that keeps what it is given, and refuses on demand.
#[derive(Default)]
struct Bus {
    heard: Mutex<Vec<PublicEvent>>,
    refuse: AtomicUsize,
}

impl PublicBus for Bus {
    fn publish<'a>(&'a self, subject: &'a str, id: &'a str, body: String) -> Boxed<'a, Result<(), Cause>> {
        Box::pin(async move {
            let refused =
                self.refuse.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            if refused.is_ok() {
                return Err("the bus is away".into());
            }
            let event = PublicEvent { subject: subject.to_owned(), id: id.to_owned(), body };
            self.heard.lock().unwrap().push(event);
            Ok(())
        })
    }
}

impl Bus {
    fn heard(&self) -> Vec<PublicEvent> {
        self.heard.lock().unwrap().clone()
    }

    async fn hears(&self, events: usize) {
        eventually("public events", SOON, async || {
            (self.heard.lock().unwrap().len() >= events).then_some(())
        })
        .await
        .unwrap();
    }
}

fn options() -> PublicOptions {
    PublicOptions {
        in_flight_max: 4,
        pause: (Duration::from_millis(5), Duration::from_millis(20)),
        takeover_after: Duration::from_millis(200),
    }
}

fn publisher(world: &World, db: &Db, bus: &Arc<Bus>) -> Publisher {
    Publisher::new(world.any_journal(), db.clone(), Arc::clone(bus) as Arc<dyn PublicBus>, options())
}

async fn expected(world: &World) -> Vec<PublicEvent> {
    world.commits().await.iter().flat_map(public_events).collect()
}

async fn each_public_event_is_published_in_order_and_once_while_nothing_fails(fresh: Fresh) {
    let (db, mut world, bus) = (fresh.open().await, World::new(), Arc::new(Bus::default()));
    let task = publisher(&world, &db, &bus).start();
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    world.traffic(&anna, &ben, 2).await;
    let expected = expected(&world).await;
    bus.hears(expected.len()).await;
    task.shutdown().await;
    assert_eq!(bus.heard(), expected);

    let mut sequences = Vec::new();
    for event in &expected {
        let body: Value = serde_json::from_str(&event.body).unwrap();
        assert_eq!(body["specversion"], "1.0");
        assert_eq!(body["id"], event.id);
        assert!(event.id.starts_with("evt_"));
        let kind = body["type"].as_str().unwrap().strip_prefix("org.paravox.").unwrap();
        assert!(PUBLIC_TYPES.contains(&kind), "{kind}");
        assert_eq!(event.subject, format!("paravox.test.events.{kind}"));
        assert_eq!(body["time"].as_str().unwrap().len(), "2023-11-14T22:13:20.001000Z".len());
        sequences.push(body["sequence"].as_str().unwrap().to_owned());
        if kind.starts_with("call.") {
            assert!(body["correlationid"].as_str().unwrap().starts_with("call_"));
        }
        // Nothing personal (L1): neither numbers nor texts nor names.
        for personal in ["+44", "4420794", "hello", "telephone"] {
            assert!(!event.body.contains(personal), "{personal} in {}", event.body);
        }
    }
    assert!(sequences.is_sorted());
    let opened = expected.iter().find(|event| event.subject.ends_with("session.opened")).unwrap();
    let body: Value = serde_json::from_str(&opened.body).unwrap();
    assert_eq!(body["data"]["legs"].as_array().unwrap().len(), 2);
    assert!(body["causationid"].as_str().unwrap().starts_with("cmd_"));
}

async fn after_a_failure_and_a_restart_nothing_is_missing_and_ids_are_the_same(fresh: Fresh) {
    let (db, mut world, bus) = (fresh.open().await, World::new(), Arc::new(Bus::default()));
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    world.traffic(&anna, &ben, 1).await;
    bus.refuse.store(3, Ordering::SeqCst);
    let task = publisher(&world, &db, &bus).start();
    bus.hears(3).await;
    task.shutdown().await;
    world.traffic(&ben, &anna, 1).await;
    let expected = expected(&world).await;
    let task = publisher(&world, &db, &bus).start();
    let last = expected.last().unwrap().clone();
    eventually("the last event", SOON, async || bus.heard().contains(&last).then_some(())).await.unwrap();
    task.shutdown().await;
    let (mut seen, mut first_times) = (BTreeSet::new(), Vec::new());
    for event in bus.heard() {
        if seen.insert(event.id.clone()) {
            first_times.push(event);
        } else {
            assert!(expected.contains(&event), "published again, it is the same");
        }
    }
    first_times.sort_by(|one, two| one.id.cmp(&two.id));
    assert_eq!(first_times, expected);
}

async fn i5_of_two_publishers_one_publishes(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (one, two) = (Arc::new(Bus::default()), Arc::new(Bus::default()));
    let (first, second) = (publisher(&world, &db, &one).start(), publisher(&world, &db, &two).start());
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    for _ in 0..3 {
        world.traffic(&anna, &ben, 1).await;
    }
    let expected = expected(&world).await;
    let all = || one.heard().into_iter().chain(two.heard()).map(|event| event.id).collect::<BTreeSet<_>>();
    eventually("all events", SOON, async || (all().len() == expected.len()).then_some(())).await.unwrap();
    assert!(!first.is_finished() && !second.is_finished());
    first.shutdown().await;
    second.shutdown().await;
}
