//! The archive: what was applied comes back, commands are remembered for their time.

use std::collections::BTreeSet;

use paravox_domain::command::Ask;
use paravox_domain::commit::{Position, Recorded, Version};
use paravox_domain::entity::EntityId;
use paravox_domain::id::{CallId, CommandId, ConnectionId, Id as _};
use paravox_domain::ports::query::Page;
use paravox_domain::ports::{Archive as _, Clock as _};
use paravox_domain::state::State;
use paravox_domain::time::{Instant, Span};
use paravox_harness::eventually;
use paravox_projections::archive::{ArchiveReader, Select};

use crate::database::{Fresh, on_both};
use crate::world::{SOON, World};

on_both!(
    c4_hydration_equals_what_was_applied,
    of_presence_only_the_last_event_comes,
    an_entity_without_events_is_left_out,
    i5_a_settled_command_is_found_with_its_first_answer,
    i5_settled_commands_come_in_pages_without_a_gap,
    i5_commands_are_kept_for_a_day_and_then_removed,
    confirmed_is_the_last_position_that_was_applied,
    c1_events_are_found_by_stream_category_call_and_time,
);

async fn c4_hydration_equals_what_was_applied(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    world.traffic(&anna, &ben, 6).await;
    world.apply_all(&db).await;
    let archive = ArchiveReader::new(db);

    let commits = world.commits().await;
    let all: Vec<_> = commits
        .iter()
        .flat_map(|commit| commit.events.iter().map(|event| (commit.header.position, event.clone())))
        .collect();
    let entities: Vec<EntityId> =
        all.iter().map(|(_, event)| event.entity).collect::<BTreeSet<_>>().into_iter().collect();
    assert!(entities.len() > 10, "{} entities", entities.len());
    assert_eq!(archive.hydrate(&entities).await.unwrap(), all);

    let mut state = State::new(std::sync::Arc::new(world.state.settings().clone()));
    state.load(&entities, &archive.hydrate(&entities).await.unwrap());
    assert_eq!(state.party(anna.party), world.state.party(anna.party));
    for entity in &entities {
        if let EntityId::Session(id) = entity {
            assert_eq!(state.session(*id), world.state.session(*id));
        }
    }
}

async fn of_presence_only_the_last_event_comes(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let anna = world.register("+442079460001").await;
    for bits in 1..=3 {
        let connection = ConnectionId::from_bits(bits);
        world.ask(anna.actor(), Ask::Connect { device: anna.device, connection }).expect("connected");
        world.commit().await;
    }
    world.apply_all(&db).await;
    let archive = ArchiveReader::new(db);
    let found =
        archive.hydrate(&[EntityId::Presence(anna.device), EntityId::Device(anna.device)]).await.unwrap();
    let presences: Vec<_> =
        found.iter().filter(|(_, event)| matches!(event.entity, EntityId::Presence(_))).collect();
    assert_eq!(presences.len(), 1);
    assert_eq!(presences[0].1.version, Version(3));
    assert_eq!(found.len(), 2);
    assert!(found[0].0 < found[1].0, "in the order of the journal");
}

async fn an_entity_without_events_is_left_out(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let anna = world.register("+442079460001").await;
    world.apply_all(&db).await;
    let archive = ArchiveReader::new(db);
    let found =
        archive.hydrate(&[EntityId::Call(CallId::from_bits(99)), EntityId::Party(anna.party)]).await.unwrap();
    assert!(!found.is_empty());
    assert!(found.iter().all(|(_, event)| event.entity == EntityId::Party(anna.party)));
    assert_eq!(archive.hydrate(&[]).await.unwrap(), vec![]);
}

async fn i5_a_settled_command_is_found_with_its_first_answer(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    world.traffic(&anna, &ben, 2).await;
    world.apply_all(&db).await;
    let archive = ArchiveReader::new(db);
    for settled in world.commits().await.into_iter().flat_map(|commit| commit.settles) {
        assert_eq!(archive.settled(settled.command).await.unwrap(), Some(settled));
    }
    assert_eq!(archive.settled(CommandId::from_bits(1 << 100)).await.unwrap(), None);
}

async fn i5_settled_commands_come_in_pages_without_a_gap(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    world.traffic(&anna, &ben, 3).await;
    let middle = world.clock.now();
    world.traffic(&ben, &anna, 3).await;
    world.apply_all(&db).await;
    let archive = ArchiveReader::new(db);
    for since in [Instant::MIN, middle, Instant::MAX] {
        let mut found = Vec::new();
        let mut cursor = None;
        loop {
            let (ids, next) = archive.settled_since(since, cursor).await.unwrap();
            found.extend(ids);
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        let expected: BTreeSet<CommandId> = world
            .commits()
            .await
            .iter()
            .filter(|commit| commit.header.at >= since)
            .flat_map(|commit| commit.settles.iter().map(|settled| settled.command))
            .collect();
        assert_eq!(found.len(), expected.len());
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
    }
}

async fn i5_commands_are_kept_for_a_day_and_then_removed(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    world.clock.advance(Span::seconds(49 * 3600));
    world.connect(&anna, &ben);
    world.commit().await;
    let running = world.run(&db);
    running.reaches(world.end()).await;
    let archive = ArchiveReader::new(db);
    let left = eventually("the old commands' removal", SOON, async || {
        let (ids, _) = archive.settled_since(Instant::MIN, None).await.unwrap();
        (ids.len() <= 2).then_some(ids)
    })
    .await
    .unwrap();
    running.handle.shutdown().await;
    let newest: Vec<_> = world.commits().await.last().expect("a commit").settles.clone();
    assert_eq!(left, newest.iter().map(|settled| settled.command).collect::<Vec<_>>());
}

async fn confirmed_is_the_last_position_that_was_applied(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let archive = ArchiveReader::new(db.clone());
    assert_eq!(archive.confirmed().await.unwrap(), Position::START);
    world.register("+442079460001").await;
    world.apply_all(&db).await;
    assert_eq!(archive.confirmed().await.unwrap(), world.end());
}

/// Whether an event is among those asked for.
type Belongs<'a> = &'a (dyn Fn(&Recorded) -> bool + Sync);

async fn c1_events_are_found_by_stream_category_call_and_time(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    world.traffic(&anna, &ben, 2).await;
    let middle = world.clock.now();
    let (call, session) = world.connect(&anna, &ben);
    world.commit().await;
    world.apply_all(&db).await;
    let archive = ArchiveReader::new(db);
    let all: Vec<Recorded> = world.commits().await.into_iter().flat_map(|commit| commit.events).collect();
    let selects: [(Select, Belongs<'_>); 4] = [
        (Select::All, &|_| true),
        (Select::Stream(EntityId::Session(session)), &|event| event.entity == EntityId::Session(session)),
        (Select::Category("call"), &|event| matches!(event.entity, EntityId::Call(_))),
        (Select::Call(call), &|event| event.correlation == Some(call)),
    ];
    for (select, belongs) in selects {
        for (since, until) in [(None, None), (Some(middle), None), (None, Some(middle))] {
            let mut page = Page { after: None, limit: 3, since, until };
            let mut found = Vec::new();
            loop {
                let listing = archive.select(select, page).await.unwrap();
                page.after = listing.items.last().map(|(place, _)| *place);
                found.extend(listing.items.into_iter().map(|(_, event)| event));
                if !listing.has_more {
                    break;
                }
            }
            let expected: Vec<Recorded> = all
                .iter()
                .filter(|event| belongs(event))
                .filter(|event| since.is_none_or(|since| event.at >= since))
                .filter(|event| until.is_none_or(|until| event.at < until))
                .cloned()
                .collect();
            assert_eq!(found, expected, "{select:?}");
        }
    }
}
