//! The runner: position and result together, one process at a time, damage stops it.

use std::sync::{Arc, Mutex};

use paravox_domain::commit::Position;
use paravox_domain::id::DeviceId;
use paravox_domain::ports::Archive as _;
use paravox_domain::ports::query::{FeedItem, FeedSignal, FeedSink, Feeds as _, QueryError, Views as _};
use paravox_domain::time::Span;
use paravox_harness::eventually;
use paravox_projections::archive::ArchiveReader;
use paravox_projections::feed::FeedHub;
use paravox_projections::reader::Activity;
use paravox_projections::views::ViewsReader;
use paravox_projections::{Db, OpenError};

use crate::database::{Fresh, on_both};
use crate::world::{Nobody, REALM, SOON, World, feed_options, options, other_digest};

on_both!(
    i4_what_is_built_again_equals_what_ran_live_row_for_row,
    i5_a_transaction_that_does_not_commit_leaves_neither_result_nor_position,
    i5_of_two_runners_each_commit_is_applied_by_one,
    i5_the_passive_runner_takes_over_when_the_other_ends,
    i2_a_changed_commit_stops_the_readers_after_what_was_good,
    r2_a_journal_older_than_its_readers_stops_them,
    i2_another_journal_under_the_same_readers_stops_them,
    a_lost_connection_to_the_journal_is_made_again,
    newer_data_and_another_realm_are_refused_and_untouched,
    i5_a_runner_numbers_items_as_the_one_before_it,
    i8_feeds_do_not_wait_for_a_slow_database,
    a_projection_that_is_built_again_does_not_hold_up_the_others,
    i4_what_the_journal_no_longer_holds_comes_from_the_archive,
    i4_a_journal_that_was_trimmed_too_early_stops_the_archive,
);

async fn i4_what_is_built_again_equals_what_ran_live_row_for_row(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let running = world.run(&db);
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    // Live: in small batches, as the commits come, and with a restart in between.
    world.traffic(&anna, &ben, 5).await;
    running.reaches(Position(world.end().0 / 2)).await;
    running.handle.shutdown().await;
    let running = world.run(&db);
    world.traffic(&ben, &anna, 5).await;
    running.reaches(world.end()).await;
    running.handle.shutdown().await;

    let again = Fresh::sqlite();
    let rebuilt = again.open().await;
    let mut large = options();
    (large.commits_max, large.events_max) = (1000, 100_000);
    let handle = world.runner(&rebuilt, Arc::new(Nobody), large).start();
    let status = handle.status();
    eventually("the rebuilt position", SOON, async || {
        (status.borrow().positions.len() == 3 && status.borrow().slowest() >= world.end()).then_some(())
    })
    .await
    .unwrap();
    handle.shutdown().await;
    let (live, rebuilt) = (db.dump().await.unwrap(), rebuilt.dump().await.unwrap());
    assert!(live.len() > 200, "{} rows", live.len());
    for (live, rebuilt) in live.iter().zip(&rebuilt) {
        assert_eq!(live, rebuilt);
    }
    assert_eq!(live.len(), rebuilt.len());
}

async fn i5_a_transaction_that_does_not_commit_leaves_neither_result_nor_position(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    world.register("+442079460001").await;
    world.apply_all(&db).await;
    let before = (db.dump().await.unwrap(), position(&db).await);
    // A projection that fails after all others have written.
    let failing = world.runner(&db, Arc::new(Nobody), options()).with(failing::Failing).start();
    world.register("+442079460002").await;
    let status = failing.status();
    eventually("a failure", SOON, async || {
        matches!(status.borrow().activity, Activity::Retrying { .. }).then_some(())
    })
    .await
    .unwrap();
    failing.shutdown().await;
    assert_eq!((db.dump().await.unwrap(), position(&db).await), before);
    world.apply_all(&db).await;
    assert!(db.dump().await.unwrap().len() > before.0.len());
}

/// Where the archive stands, as the database says.
async fn position(db: &Db) -> Position {
    ArchiveReader::new(db.clone()).confirmed().await.unwrap()
}

mod failing {
    //! Projections whose database does not answer, or is slow.

    use std::sync::Arc;

    use paravox_domain::ports::Boxed;
    use paravox_projections::DbError;
    use paravox_projections::reader::{Delivery, Projection};
    use sqlx::AnyConnection;
    use tokio::sync::Semaphore;

    pub(super) struct Failing;

    /// One that takes its time: a permit for each batch.
    #[derive(Clone)]
    pub(super) struct Slow(pub(super) Arc<Semaphore>);

    impl Default for Slow {
        fn default() -> Self {
            Self(Arc::new(Semaphore::new(0)))
        }
    }

    impl Projection for Slow {
        fn name(&self) -> &'static str {
            "slow"
        }

        fn apply<'a>(
            &'a mut self,
            _: &'a mut AnyConnection,
            _: &'a [Delivery],
        ) -> Boxed<'a, Result<(), DbError>> {
            Box::pin(async move {
                self.0.acquire().await.map_err(|_| DbError::Superseded)?.forget();
                Ok(())
            })
        }
    }

    impl Projection for Failing {
        fn name(&self) -> &'static str {
            "failing"
        }

        fn apply<'a>(
            &'a mut self,
            _: &'a mut AnyConnection,
            _: &'a [Delivery],
        ) -> Boxed<'a, Result<(), DbError>> {
            Box::pin(async { Err(DbError::Unavailable(sqlx::Error::PoolClosed)) })
        }
    }
}

async fn i5_of_two_runners_each_commit_is_applied_by_one(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (one, two) = (world.run(&db), world.run(&fresh.open().await));
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    world.traffic(&anna, &ben, 4).await;
    one.reaches(world.end()).await;
    two.reaches(world.end()).await;
    let activities =
        [one.handle.status().borrow().activity.clone(), two.handle.status().borrow().activity.clone()];
    assert!(activities.contains(&Activity::Active), "{activities:?}");
    one.handle.shutdown().await;
    two.handle.shutdown().await;
    let again = Fresh::sqlite().open_rebuilt(&world).await;
    assert_eq!(db.dump().await.unwrap(), again);
}

async fn i5_the_passive_runner_takes_over_when_the_other_ends(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (one, two) = (world.run(&db), world.run(&fresh.open().await));
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    world.traffic(&anna, &ben, 2).await;
    one.reaches(world.end()).await;
    two.reaches(world.end()).await;
    let two_is_passive = two.handle.status().borrow().activity == Activity::Passive;
    let (ends, stays) = if two_is_passive { (one, two) } else { (two, one) };
    ends.handle.shutdown().await;
    world.traffic(&ben, &anna, 2).await;
    stays.reaches(world.end()).await;
    assert_eq!(stays.handle.status().borrow().activity, Activity::Active);
    stays.handle.shutdown().await;
}

async fn i2_a_changed_commit_stops_the_readers_after_what_was_good(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    world.traffic(&anna, &ben, 1).await;
    let bad = Position(world.end().0 - 1);
    assert!(world.journal.change_byte(bad, 10));
    let running = world.run(&db);
    let status = running.handle.status();
    let detail = eventually("the stop", SOON, async || match &status.borrow().activity {
        Activity::Stopped { detail } => Some(detail.clone()),
        _ => None,
    })
    .await
    .unwrap();
    assert!(detail.contains(&format!("commit {bad}")), "{detail}");
    assert!(status.borrow().slowest() < bad);
    let views = ViewsReader::new(db, status.clone());
    assert!(matches!(views.party(anna.party).await, Err(QueryError::Stopped(_))));
    assert!(!views.wait_for(world.end(), Span::seconds(20)).await, "nothing will come");
    running.handle.shutdown().await;
    assert!(matches!(status.borrow().activity, Activity::Stopped { .. }), "the cause stays to be seen");
}

async fn r2_a_journal_older_than_its_readers_stops_them(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    world.register("+442079460001").await;
    world.apply_all(&db).await;
    let before = db.dump().await.unwrap();
    let mut older = World::new();
    older.register("+442079460001").await;
    older.journal.forget_after(Position(1));
    let running = older.run(&db);
    assert!(stopped(&running).await.contains("an older copy"));
    running.handle.shutdown().await;
    assert_eq!(db.dump().await.unwrap(), before);
}

async fn i2_another_journal_under_the_same_readers_stops_them(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    world.register("+442079460001").await;
    world.apply_all(&db).await;
    let before = db.dump().await.unwrap();
    let mut other = World::new();
    other.register("+442079460009").await;
    other.register("+442079460008").await;
    let running = other.run(&db);
    assert!(stopped(&running).await.contains("predecessor"));
    running.handle.shutdown().await;
    assert_eq!(db.dump().await.unwrap(), before);
    assert_ne!(other_digest(), paravox_domain::digest::Digest::GENESIS);
}

async fn stopped(running: &crate::world::Running) -> String {
    let status = running.handle.status();
    eventually("the stop", SOON, async || match &status.borrow().activity {
        Activity::Stopped { detail } => Some(detail.clone()),
        _ => None,
    })
    .await
    .unwrap()
}

async fn a_lost_connection_to_the_journal_is_made_again(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    world.register("+442079460001").await;
    world.journal.faults().fail_reads(5);
    let running = world.run(&db);
    world.register("+442079460002").await;
    running.reaches(world.end()).await;
    assert_eq!(running.handle.status().borrow().activity, Activity::Active);
    running.handle.shutdown().await;
}

async fn newer_data_and_another_realm_are_refused_and_untouched(fresh: Fresh) {
    let db = fresh.open().await;
    let other = Db::open(fresh.url(), "elsewhere").await;
    assert!(matches!(other, Err(OpenError::OtherRealm { found, .. }) if found == REALM));
    let mut transaction = db.begin().await.unwrap();
    sqlx::query("UPDATE marker SET value = '99' WHERE name = 'version'")
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let newer = Db::open(fresh.url(), REALM).await;
    assert!(matches!(newer, Err(OpenError::NewerData { found: 99, known: 1 })));
    assert!(matches!(Db::open("mysql://host/name", REALM).await, Err(OpenError::Scheme)));
}

/// Keeps what it is offered.
#[derive(Default)]
struct Heard(Mutex<Vec<(DeviceId, FeedItem)>>);

impl FeedSink for Heard {
    fn offer(&self, items: Vec<(DeviceId, FeedItem)>) {
        self.0.lock().unwrap().extend(items);
    }
}

async fn i5_a_runner_numbers_items_as_the_one_before_it(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    world.traffic(&anna, &ben, 1).await;
    world.apply_all(&db).await;
    let newest = FeedHub::newest_of(&db, anna.device).await;
    world.connect(&anna, &ben);
    world.commit().await;
    let heard = Arc::new(Heard::default());
    let handle = world.runner(&db, Arc::clone(&heard) as Arc<dyn FeedSink>, options()).start();
    let item = eventually("an item", SOON, async || {
        heard.0.lock().unwrap().iter().find(|(device, _)| *device == anna.device).cloned()
    })
    .await
    .unwrap();
    assert_eq!(item.1.number, newest + 1);
    handle.shutdown().await;
}

async fn i8_feeds_do_not_wait_for_a_slow_database(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    let mut few = options();
    (few.commits_max, few.queue_max) = (2, 4);
    let hub = FeedHub::new(db.clone(), feed_options());
    let slow = failing::Slow::default();
    let gate = Arc::clone(&slow.0);
    let runner = world.runner(&db, Arc::new(hub.clone()), few).with(slow);
    let handle = runner.start();
    let mut heard = 0;
    let mut watch = hub.watch(ben.device);
    for round in 0..12 {
        let (_, session) = world.connect(&anna, &ben);
        world.commit().await;
        world.write(&anna, session, "hello");
        world.commit().await;
        world.hang_up(&ben, &anna);
        world.commit().await;
        world.clock.advance(Span::seconds(1));
        // Opened, text, call ended, session closed: long before any of it is stored.
        while heard < (round + 1) * 4 {
            match tokio::time::timeout(SOON, watch.next()).await.expect("news") {
                FeedSignal::Items(items) => {
                    assert_eq!(items[0].number, heard + 1);
                    heard += items.len() as u64;
                }
                FeedSignal::Read => panic!("it is not too slow"),
            }
        }
        assert_eq!(position(&db).await, Position::START);
        world.clock.advance(Span::seconds(60));
        world.ask(paravox_domain::command::Actor::Server, paravox_domain::command::Ask::Tick).unwrap();
        world.commit().await;
    }
    gate.add_permits(1_000_000);
    let status = handle.status();
    let all = async || {
        (status.borrow().positions.len() == 4 && status.borrow().slowest() >= world.end()).then_some(())
    };
    eventually("the stored position", SOON, all).await.unwrap();
    assert_eq!(
        status.borrow().activity,
        Activity::Active,
        "and it was never taken for another process's work"
    );
    // Live again, by the queue.
    for _ in 0..3 {
        world.connect(&anna, &ben);
        world.commit().await;
        world.hang_up(&ben, &anna);
        world.clock.advance(Span::seconds(60));
        world.commit().await;
    }
    let all = async || (status.borrow().slowest() >= world.end()).then_some(());
    eventually("the stored position", SOON, all).await.unwrap();
    handle.shutdown().await;
    assert_eq!(db.dump().await.unwrap(), Fresh::sqlite().open_rebuilt(&world).await);
}

/// Puts a reader back to the start, as a new version of its projection does.
async fn forget(db: &Db, reader: &'static str, tables: &[&'static str]) {
    let mut transaction = db.begin().await.unwrap();
    for table in tables {
        let text = format!("DELETE FROM {table}");
        sqlx::query(sqlx::AssertSqlSafe(text)).execute(&mut *transaction).await.unwrap();
    }
    sqlx::query("DELETE FROM reader WHERE name = $1").bind(reader).execute(&mut *transaction).await.unwrap();
    transaction.commit().await.unwrap();
}

const VIEW_TABLES: [&str; 7] = [
    "view_call",
    "view_call_party",
    "view_session",
    "view_session_party",
    "view_session_open",
    "view_message",
    "view_device",
];

async fn a_projection_that_is_built_again_does_not_hold_up_the_others(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    world.traffic(&anna, &ben, 5).await;
    world.apply_all(&db).await;
    let before = db.dump().await.unwrap();
    forget(&db, "views", &VIEW_TABLES).await;
    forget(&db, "views", &["view_identity"]).await;
    // One commit at a time, so that it takes its time.
    let mut slow = options();
    slow.commits_max = 1;
    let handle = world.runner(&db, Arc::new(Nobody), slow).start();
    let status = handle.status();
    world.connect(&anna, &ben);
    world.commit().await;
    eventually("the archive's position", SOON, async || {
        (status.borrow().position("archive") >= world.end()).then_some(())
    })
    .await
    .unwrap();
    eventually("all positions", SOON, async || (status.borrow().slowest() >= world.end()).then_some(()))
        .await
        .unwrap();
    handle.shutdown().await;
    let again = Fresh::sqlite().open_rebuilt(&world).await;
    assert_eq!(db.dump().await.unwrap(), again);
    assert!(again.len() > before.len());
}

async fn i4_what_the_journal_no_longer_holds_comes_from_the_archive(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    world.traffic(&anna, &ben, 4).await;
    world.apply_all(&db).await;
    let before = db.dump().await.unwrap();
    world.journal.trim(Position(world.end().0 - 3));
    forget(&db, "views", &VIEW_TABLES).await;
    forget(&db, "views", &["view_identity"]).await;
    forget(&db, "feeds", &["feed_item", "feed_head"]).await;
    assert!(db.dump().await.unwrap().len() < before.len());
    world.apply_all(&db).await;
    assert_eq!(db.dump().await.unwrap(), before);
}

async fn i4_a_journal_that_was_trimmed_too_early_stops_the_archive(fresh: Fresh) {
    let (db, mut world) = (fresh.open().await, World::new());
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    world.traffic(&anna, &ben, 1).await;
    world.journal.trim(Position(3));
    let running = world.run(&db);
    assert!(stopped(&running).await.contains("begins at position"));
    running.handle.shutdown().await;
    assert!(db.dump().await.unwrap().is_empty());
}

/// The newest number as another node reads it.
trait NewestOf {
    async fn newest_of(db: &Db, device: DeviceId) -> u64;
}

impl NewestOf for FeedHub {
    async fn newest_of(db: &Db, device: DeviceId) -> u64 {
        use paravox_domain::ports::query::Feeds as _;
        Self::new(db.clone(), feed_options()).newest(device).await.unwrap()
    }
}

impl Fresh {
    /// The rows after building everything again from the first commit.
    async fn open_rebuilt(&self, world: &World) -> Vec<String> {
        let db = self.open().await;
        world.apply_all(&db).await;
        db.dump().await.unwrap()
    }
}
