//! A database that fails: what was applied stays, nothing is applied twice.

use std::time::Duration;

use paravox_domain::ports::query::Feeds as _;

use crate::database::Fresh;
use crate::world::{World, feed_options};

/// Cuts every other connection to the database of this one.
const CUT: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[tokio::test(flavor = "multi_thread")]
async fn r6_connections_that_are_cut_within_transactions_lose_and_repeat_nothing() {
    let fresh = Fresh::postgres().await;
    let (db, scissors, mut world) = (fresh.open().await, fresh.open().await, World::new());
    let running = world.run(&db);
    let (anna, ben) = (world.register("+442079460001").await, world.register("+442079460002").await);
    let cutting = tokio::spawn(async move {
        let mut cuts = 0;
        while cuts < 12 {
            // What cuts may be cut itself, by the pool's own check of an idle connection.
            let Ok(mut transaction) = scissors.begin().await else { continue };
            if sqlx::query(CUT).fetch_all(&mut *transaction).await.is_ok() {
                cuts += 1;
            }
            drop(transaction);
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    });
    while !cutting.is_finished() {
        world.traffic(&anna, &ben, 1).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    cutting.await.unwrap();
    world.traffic(&ben, &anna, 1).await;
    running.reaches(world.end()).await;
    running.handle.shutdown().await;

    let again = Fresh::sqlite();
    let rebuilt = again.open().await;
    world.apply_all(&rebuilt).await;
    assert_eq!(db.dump().await.unwrap(), rebuilt.dump().await.unwrap());
    let hub = paravox_projections::feed::FeedHub::new(db, feed_options());
    assert!(hub.newest(anna.device).await.unwrap() > 0);
}
