//! Feeds: numbers without holes, cursors, watchers, retention.

use std::sync::Arc;

use paravox_domain::feed::items;
use paravox_domain::id::DeviceId;
use paravox_domain::ports::Clock as _;
use paravox_domain::ports::query::{FeedItem, FeedPage, FeedSignal, FeedSink as _, Feeds as _};
use paravox_domain::time::Span;
use paravox_harness::eventually;
use paravox_projections::feed::{FeedHub, FeedOptions};

use crate::database::{Fresh, on_both};
use crate::world::{Nobody, Person, SOON, World, feed_options, options};

on_both!(
    c5_items_are_numbered_without_a_hole_and_as_the_journal_says,
    c5_a_cursor_resumes_where_it_was,
    c5_a_cursor_that_is_too_old_is_told_from_one_that_is_ahead,
    c5_a_watcher_hears_of_each_item_once,
    p4_a_watcher_that_is_too_slow_is_told_to_read,
    c5_an_item_can_be_read_before_it_is_stored,
    i9_what_is_too_old_is_removed_and_the_oldest_number_remembered,
);

async fn read_all(hub: &FeedHub, device: DeviceId, mut after: u64) -> Vec<FeedItem> {
    let mut found = Vec::new();
    loop {
        match hub.read(device, after, 3).await.unwrap() {
            FeedPage::Items(items) if items.is_empty() => return found,
            FeedPage::Items(items) => {
                for item in items {
                    assert_eq!(item.number, after + 1, "a hole");
                    after = item.number;
                    found.push(item);
                }
            }
            other => panic!("no items after {after}: {other:?}"),
        }
    }
}

/// What the journal says that a device is told.
async fn expected(world: &World, device: DeviceId) -> Vec<String> {
    world
        .commits()
        .await
        .iter()
        .flat_map(|commit| commit.events.iter().flat_map(items))
        .filter(|(told, _)| *told == device)
        .map(|(_, item)| serde_json::to_string(&item).unwrap())
        .collect()
}

async fn two(world: &mut World) -> (Person, Person) {
    (world.register("+442079460001").await, world.register("+442079460002").await)
}

async fn c5_items_are_numbered_without_a_hole_and_as_the_journal_says(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (anna, ben) = two(&mut world).await;
    world.traffic(&anna, &ben, 2).await;
    world.apply_all(&db).await;
    // A hub that has seen nothing, as on another node.
    let hub = FeedHub::new(db, feed_options());
    for person in [&anna, &ben] {
        let found = read_all(&hub, person.device, 0).await;
        let bodies: Vec<String> = found.iter().map(|item| item.body.to_string()).collect();
        assert_eq!(bodies, expected(&world, person.device).await);
        assert_eq!(hub.newest(person.device).await.unwrap(), found.len() as u64);
        assert!(found.len() > 5);
    }
}

async fn c5_a_cursor_resumes_where_it_was(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (anna, ben) = two(&mut world).await;
    world.traffic(&anna, &ben, 1).await;
    world.apply_all(&db).await;
    let before = read_all(&FeedHub::new(db.clone(), feed_options()), anna.device, 0).await;
    let last = before.last().expect("items").number;
    world.traffic(&ben, &anna, 1).await;
    let running = world.run(&db);
    running.reaches(world.end()).await;
    let after = read_all(&running.hub, anna.device, last).await;
    let bodies: Vec<String> = before.iter().chain(&after).map(|item| item.body.to_string()).collect();
    assert_eq!(bodies, expected(&world, anna.device).await);
    running.handle.shutdown().await;
}

async fn c5_a_cursor_that_is_too_old_is_told_from_one_that_is_ahead(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (anna, ben) = two(&mut world).await;
    world.traffic(&anna, &ben, 6).await;
    world.apply_all(&db).await;
    let hub = FeedHub::new(db, feed_options());
    let newest = expected(&world, anna.device).await.len() as u64;
    assert_eq!(hub.newest(anna.device).await.unwrap(), newest);
    // 20 are kept, and up to 5 more.
    let oldest = newest / 5 * 5 - 20 + 1;
    assert_eq!(hub.read(anna.device, 0, 100).await.unwrap(), FeedPage::TooOld { oldest, newest });
    assert_eq!(read_all(&hub, anna.device, oldest - 1).await.len() as u64, newest - oldest + 1);
    assert_eq!(hub.read(anna.device, newest + 3, 100).await.unwrap(), FeedPage::Ahead { newest });
    assert_eq!(hub.read(anna.device, newest, 100).await.unwrap(), FeedPage::Items(vec![]));
    let stranger = paravox_domain::id::Id::from_bits(1);
    assert_eq!(hub.read(stranger, 0, 1).await.unwrap(), FeedPage::Items(vec![]));
    assert_eq!(hub.read(stranger, 1, 1).await.unwrap(), FeedPage::Ahead { newest: 0 });
}

async fn c5_a_watcher_hears_of_each_item_once(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let running = world.run(&db);
    let (anna, ben) = two(&mut world).await;
    let mut watch = running.hub.watch(ben.device);
    assert_eq!(running.hub.watchers(), 1);
    let mut heard = Vec::new();
    for _ in 0..4 {
        let (_, session) = world.connect(&anna, &ben);
        world.commit().await;
        world.write(&anna, session, "hello");
        world.commit().await;
        world.hang_up(&ben, &anna);
        world.clock.advance(Span::seconds(60));
        world.commit().await;
        let expected = expected(&world, ben.device).await.len();
        while heard.len() < expected {
            match tokio::time::timeout(SOON, watch.next()).await.expect("news") {
                FeedSignal::Items(items) => heard.extend(items),
                FeedSignal::Read => panic!("it is not too slow"),
            }
        }
    }
    assert!(heard.iter().map(|item| item.number).eq(1..=heard.len() as u64));
    let bodies: Vec<String> = heard.iter().map(|item| item.body.to_string()).collect();
    assert_eq!(bodies, expected(&world, ben.device).await);
    drop(watch);
    assert_eq!(running.hub.watchers(), 0);
    running.handle.shutdown().await;
}

async fn p4_a_watcher_that_is_too_slow_is_told_to_read(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let running = world.run(&db);
    let (anna, ben) = two(&mut world).await;
    let mut watch = running.hub.watch(ben.device);
    // More than the 8 that may wait, and nobody takes them.
    world.traffic(&anna, &ben, 3).await;
    running.reaches(world.end()).await;
    assert_eq!(watch.next().await, FeedSignal::Read);
    let found = read_all(&running.hub, ben.device, 0).await;
    assert_eq!(found.len(), expected(&world, ben.device).await.len());
    // From then on it hears again.
    world.connect(&anna, &ben);
    world.commit().await;
    let signal = tokio::time::timeout(SOON, watch.next()).await.expect("news");
    assert!(matches!(signal, FeedSignal::Items(_)), "{signal:?}");
    running.handle.shutdown().await;
}

async fn c5_an_item_can_be_read_before_it_is_stored(fresh: Fresh) {
    let db = fresh.open().await;
    let hub = FeedHub::new(db, feed_options());
    let device: DeviceId = paravox_domain::id::Id::from_bits(1);
    let item = |number| FeedItem {
        number,
        position: paravox_domain::commit::Position(number),
        at: paravox_domain::time::Instant(0),
        body: "{}".into(),
    };
    hub.offer(vec![(device, item(1)), (device, item(2))]);
    assert_eq!(read_all(&hub, device, 0).await.len(), 2);
    assert_eq!(hub.newest(device).await.unwrap(), 2);
    assert_eq!(hub.read(device, 2, 1).await.unwrap(), FeedPage::Items(vec![]));
    assert_eq!(hub.read(device, 3, 1).await.unwrap(), FeedPage::Ahead { newest: 2 });
}

async fn i9_what_is_too_old_is_removed_and_the_oldest_number_remembered(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (anna, ben) = two(&mut world).await;
    world.traffic(&anna, &ben, 1).await;
    world.apply_all(&db).await;
    let old = expected(&world, anna.device).await.len() as u64;
    world.clock.advance(Span::seconds(8 * 24 * 3600));
    world.connect(&anna, &ben);
    world.commit().await;
    let running = world.run(&db);
    running.reaches(world.end()).await;
    let hub = FeedHub::new(db, FeedOptions::default());
    let page = eventually("the removal of old items", SOON, async || {
        match hub.read(anna.device, 0, 100).await.unwrap() {
            page @ FeedPage::TooOld { .. } => Some(page),
            _ => None,
        }
    })
    .await
    .unwrap();
    assert_eq!(page, FeedPage::TooOld { oldest: old + 1, newest: old + 1 });
    assert_eq!(read_all(&hub, anna.device, old).await.len(), 1);
    running.handle.shutdown().await;
    assert!(world.clock.now().0 > 0);
    drop(world.runner(&fresh.open().await, Arc::new(Nobody), options()));
}
