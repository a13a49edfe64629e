//! The read models, and that nobody sees what is not theirs.

use std::collections::BTreeSet;

use paravox_domain::answer::{Answer, Noted};
use paravox_domain::call::{Attempt, OverCause, Role, Stage};
use paravox_domain::command::Ask;
use paravox_domain::feed::ItemLegState;
use paravox_domain::id::{CallId, ConnectionId, Id as _, SessionId};
use paravox_domain::matching::Waiting;
use paravox_domain::ports::Clock as _;
use paravox_domain::ports::query::{Page, Views};
use paravox_domain::registration::{DeviceKind, RevocationCause};
use paravox_domain::session::CloseCause;
use paravox_domain::time::Span;
use paravox_projections::Db;
use paravox_projections::views::ViewsReader;

use crate::database::{Fresh, on_both};
use crate::world::{Nobody, Person, World, options};

on_both!(
    s01_each_party_sees_the_call_from_its_own_end,
    s01_a_call_that_was_absorbed_lives_on_as_the_other_one,
    s12_a_session_is_shown_with_its_legs_as_they_change,
    s12_who_left_sees_no_later_message,
    s15_messages_come_in_order_and_in_pages,
    a1_what_is_another_partys_is_not_found,
    c8_lists_come_in_pages_without_a_gap_or_a_repeat,
    c8_open_sessions_are_listed_as_long_as_they_are_open,
    c8_devices_and_identities_are_shown,
    c8_reading_waits_for_ones_own_write,
);

const ALL: Page = Page { after: None, limit: 100, since: None, until: None };

/// The read models over what was applied.
async fn views(world: &World, db: &Db) -> ViewsReader {
    world.apply_all(db).await;
    // The status of a runner that never starts: positions are then read from the database.
    let idle = world.runner(db, std::sync::Arc::new(Nobody), options());
    ViewsReader::new(db.clone(), idle.status())
}

async fn s01_each_party_sees_the_call_from_its_own_end(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    let opened = world.clock.now() + Span::millis(1);
    let (call, session) = world.connect(&anna, &ben);
    world.commit().await;
    let reader = views(&world, &db).await;

    let (mine, theirs) = (
        reader.call(anna.party, call).await.unwrap().unwrap(),
        reader.call(ben.party, call).await.unwrap().unwrap(),
    );
    assert_eq!((mine.role, theirs.role), (Role::Calling, Role::Called));
    assert_eq!(mine.other.as_deref(), Some("+442079460002"));
    assert_eq!(theirs.other.as_deref(), Some("+442079460001"));
    assert_eq!((mine.opened, theirs.opened), (opened, opened));
    assert_eq!((mine.session, theirs.session), (Some(session), Some(session)));
    assert!(mine.joined && mine.waiting.is_none() && mine.over.is_none());

    world.hang_up(&anna, &ben);
    let ended = world.clock.now();
    world.commit().await;
    let reader = views(&world, &db).await;
    assert_eq!(reader.call(ben.party, call).await.unwrap().unwrap().over, Some((ended, OverCause::HungUp)));
}

async fn s01_a_call_that_was_absorbed_lives_on_as_the_other_one(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    // Anna dials twice. Ben's telephone reports one call, which could be either, and so waits as one of its own.
    let noted = |world: &mut World, attempt: Option<&str>, by: &Person, other: &Person, role, stage| {
        world.attempt = attempt.map(|attempt| Attempt::parse(attempt).unwrap());
        match world.report_as(by, Some(&other.number), role, stage) {
            Ok(Answer::Noted { call, outcome }) => (call, outcome),
            answer => panic!("not noted: {answer:?}"),
        }
    };
    let (first, _) = noted(&mut world, Some("1"), &anna, &ben, Role::Calling, Stage::Attempt);
    world.clock.advance(Span::seconds(10));
    noted(&mut world, Some("1"), &anna, &ben, Role::Calling, Stage::NotAnswered);
    world.clock.advance(Span::seconds(2));
    let (second, _) = noted(&mut world, Some("2"), &anna, &ben, Role::Calling, Stage::Attempt);
    let (waits, outcome) = noted(&mut world, None, &ben, &anna, Role::Called, Stage::Alerting);
    assert!(matches!(outcome, Noted::Waiting(Waiting::Ambiguous { .. })), "{outcome:?}");
    world.commit().await;
    let reader = views(&world, &db).await;
    let shown = reader.call(ben.party, waits).await.unwrap().unwrap();
    assert!(matches!(shown.waiting, Some(Waiting::Ambiguous { .. })), "{:?}", shown.waiting);

    // It is answered, which the first one was not.
    noted(&mut world, None, &ben, &anna, Role::Called, Stage::Answered);
    world.commit().await;
    let reader = views(&world, &db).await;
    let old = reader.call(ben.party, waits).await.unwrap().unwrap();
    assert!(matches!(old.over, Some((_, OverCause::Absorbed))), "{:?}", old.over);
    let new = reader.call(ben.party, second).await.unwrap().unwrap();
    assert_eq!((new.role, new.other.as_deref()), (Role::Called, Some("+442079460001")));
    assert!(new.joined && new.session.is_some() && new.over.is_none());
    assert_eq!(reader.call(ben.party, first).await.unwrap(), None);
    let calls = reader.calls(ben.party, ALL).await.unwrap();
    assert_eq!(calls.items.iter().map(|(_, call)| call.call).collect::<Vec<_>>(), [waits, second]);
}

async fn s12_a_session_is_shown_with_its_legs_as_they_change(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    let connection = ConnectionId::from_bits(5);
    world.ask(ben.actor(), Ask::Connect { device: ben.device, connection }).unwrap();
    let (call, session) = world.connect(&anna, &ben);
    world.ask(anna.actor(), Ask::KeepSession { session, keep: true }).unwrap();
    world.ask(ben.actor(), Ask::Disconnect { device: ben.device, connection }).unwrap();
    world.commit().await;
    let reader = views(&world, &db).await;
    let shown = reader.session(anna.party, session).await.unwrap().unwrap();
    assert_eq!((shown.call, shown.messages, shown.outlives_call), (call, 0, false));
    assert_eq!(shown.own_leg, shown.legs[0].leg);
    assert!(shown.legs[0].keeps && !shown.legs[1].keeps);
    assert_eq!((shown.legs[0].state, shown.legs[1].state), (ItemLegState::Joined, ItemLegState::Lost));

    world.hang_up(&anna, &ben);
    world.commit().await;
    let reader = views(&world, &db).await;
    let shown = reader.session(ben.party, session).await.unwrap().unwrap();
    assert!(shown.outlives_call && shown.closed.is_none());
    assert_eq!(shown.own_leg, shown.legs[1].leg);

    world.ask(ben.actor(), Ask::LeaveSession { session }).unwrap();
    let left = world.clock.now();
    world.commit().await;
    let reader = views(&world, &db).await;
    let shown = reader.session(anna.party, session).await.unwrap().unwrap();
    assert_eq!(shown.legs[1].state, ItemLegState::Left);
    assert_eq!(shown.closed, Some((left, CloseCause::LegsLeft)));
}

async fn s12_who_left_sees_no_later_message(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    let (_, session) = world.connect(&anna, &ben);
    world.write(&anna, session, "one");
    world.ask(ben.actor(), Ask::LeaveSession { session }).unwrap();
    // The session is closed by that, so that nothing can follow; what was before stays.
    assert!(world.ask(anna.actor(), Ask::SendText { session, text: "two".to_owned() }).is_err());
    world.commit().await;
    let reader = views(&world, &db).await;
    let messages = reader.messages(ben.party, session, ALL).await.unwrap().unwrap();
    assert_eq!(messages.items.iter().map(|(_, message)| message.text.as_str()).collect::<Vec<_>>(), ["one"]);
    assert_eq!(reader.session(ben.party, session).await.unwrap().unwrap().messages, 1);
}

async fn s15_messages_come_in_order_and_in_pages(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    let (_, session) = world.connect(&anna, &ben);
    for number in 1..=25 {
        world.write(if number % 2 == 0 { &anna } else { &ben }, session, &format!("text {number}"));
        if number % 10 == 0 {
            world.commit().await;
        }
    }
    world.commit().await;
    let reader = views(&world, &db).await;
    let mut page = Page { limit: 4, ..ALL };
    let mut found = Vec::new();
    loop {
        let listing = reader.messages(ben.party, session, page).await.unwrap().unwrap();
        assert!(listing.items.len() <= 4);
        page.after = listing.items.last().map(|(place, _)| *place);
        found.extend(listing.items.into_iter().map(|(_, message)| message));
        if !listing.has_more {
            break;
        }
    }
    assert_eq!(found.iter().map(|message| message.number).collect::<Vec<_>>(), (1..=25).collect::<Vec<_>>());
    assert!(found.iter().all(|message| message.text == format!("text {}", message.number)));
    let shown = reader.session(anna.party, session).await.unwrap().unwrap();
    assert_eq!(shown.messages, 25);
    assert_eq!(found[1].leg, shown.own_leg);
}

async fn a1_what_is_another_partys_is_not_found(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    let eve = world.register("+442079460003").await;
    let (call, session) = world.connect(&anna, &ben);
    world.write(&anna, session, "for Ben only");
    world.commit().await;
    let reader = views(&world, &db).await;
    let strange = (CallId::from_bits(77), SessionId::from_bits(78));
    for (call, session) in [(call, session), strange] {
        assert_eq!(reader.call(eve.party, call).await.unwrap(), None);
        assert_eq!(reader.session(eve.party, session).await.unwrap(), None);
        assert_eq!(reader.messages(eve.party, session, ALL).await.unwrap(), None);
    }
    assert!(reader.calls(eve.party, ALL).await.unwrap().items.is_empty());
    assert!(reader.sessions(eve.party, false, ALL).await.unwrap().items.is_empty());
    assert!(reader.sessions(eve.party, true, ALL).await.unwrap().items.is_empty());
    assert_eq!(reader.devices(eve.party).await.unwrap().len(), 1);
    assert!(reader.session(ben.party, session).await.unwrap().is_some());
}

async fn c8_lists_come_in_pages_without_a_gap_or_a_repeat(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    world.traffic(&anna, &ben, 4).await;
    let middle = world.clock.now();
    world.traffic(&ben, &anna, 3).await;
    let reader = views(&world, &db).await;
    for (since, until, expected) in [(None, None, 7), (Some(middle), None, 3), (None, Some(middle), 4)] {
        let mut page = Page { after: None, limit: 2, since, until };
        let (mut calls, mut sessions) = (BTreeSet::new(), BTreeSet::new());
        loop {
            let listing = reader.calls(ben.party, page).await.unwrap();
            assert!(listing.items.is_sorted_by_key(|(place, _)| *place));
            page.after = listing.items.last().map(|(place, _)| *place);
            assert!(listing.items.iter().all(|(_, call)| calls.insert(call.call)), "a repeat");
            if !listing.has_more {
                break;
            }
        }
        page.after = None;
        loop {
            let listing = reader.sessions(anna.party, false, page).await.unwrap();
            page.after = listing.items.last().map(|(place, _)| *place);
            assert!(listing.items.iter().all(|(_, session)| sessions.insert(session.session)), "a repeat");
            if !listing.has_more {
                break;
            }
        }
        assert_eq!((calls.len(), sessions.len()), (expected, expected));
    }
}

async fn c8_open_sessions_are_listed_as_long_as_they_are_open(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    world.traffic(&anna, &ben, 3).await;
    let (_, session) = world.connect(&anna, &ben);
    world.commit().await;
    let reader = views(&world, &db).await;
    let open = reader.sessions(anna.party, true, ALL).await.unwrap();
    assert_eq!(open.items.iter().map(|(_, view)| view.session).collect::<Vec<_>>(), [session]);
    assert!(open.items.iter().all(|(_, view)| view.closed.is_none()));
    assert_eq!(reader.sessions(anna.party, false, ALL).await.unwrap().items.len(), 4);
}

async fn c8_devices_and_identities_are_shown(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let anna = world.register("+442079460001").await;
    let second = world.register("+442079460001").await;
    assert_eq!(anna.party, second.party);
    world.ask(anna.actor(), Ask::RevokeDevice { device: second.device }).unwrap();
    world.commit().await;
    let reader = views(&world, &db).await;
    let devices = reader.devices(anna.party).await.unwrap();
    assert_eq!(devices.iter().map(|device| device.device).collect::<Vec<_>>(), [anna.device, second.device]);
    assert_eq!((devices[0].revoked, devices[1].revoked), (None, Some(RevocationCause::Asked)));
    assert_eq!((devices[0].name.as_str(), devices[0].kind), ("telephone", DeviceKind::Phone));
    assert_eq!(reader.device(second.device).await.unwrap().unwrap(), devices[1]);
    let party = reader.party(anna.party).await.unwrap().unwrap();
    assert_eq!(party.identities, ["+442079460001"]);
    assert_eq!(reader.party(paravox_domain::id::PartyId::from_bits(4)).await.unwrap(), None);
}

async fn c8_reading_waits_for_ones_own_write(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let running = world.run(&db);
    let here = ViewsReader::new(db.clone(), running.handle.status());
    // As on another node: a runner that does not run.
    let idle = world.runner(&db, std::sync::Arc::new(Nobody), options());
    let elsewhere = ViewsReader::new(db.clone(), idle.status());
    let next = paravox_domain::commit::Position(2);
    assert!(!here.wait_for(next, Span::millis(20)).await);
    assert!(!elsewhere.wait_for(next, Span::millis(20)).await);
    let waiting = tokio::spawn({
        let (here, elsewhere) = (here.clone(), elsewhere.clone());
        async move {
            let limit = Span::seconds(20);
            tokio::join!(here.wait_for(next, limit), elsewhere.wait_for(next, limit))
        }
    });
    world.register("+442079460001").await;
    assert_eq!(waiting.await.unwrap(), (true, true));
    running.handle.shutdown().await;
}
