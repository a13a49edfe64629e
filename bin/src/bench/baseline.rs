//! The plainest thing: one publish, or one insert, per event, acknowledged one by one, without any logic.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream;
use bytes::Bytes;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::task::JoinSet;

use super::venue::{Home, Venue};
use crate::exit::Failure;

/// Connections of a database that takes one event at a time from many callers.
const CONNECTIONS_MAX: usize = 32;

/// How many events a second, each acknowledged before its caller goes on.
pub async fn per_event_per_s(
    venue: &Venue,
    callers: usize,
    event_bytes: usize,
    length: Duration,
) -> Result<f64, Failure> {
    let payload = Bytes::from(vec![b'x'; event_bytes]);
    match &venue.home {
        Home::Nats(_, client) => {
            let context = jetstream::new(client.clone());
            let stream = jetstream::stream::Config {
                name: "PER_EVENT".to_owned(),
                subjects: vec!["per.event".to_owned()],
                storage: jetstream::stream::StorageType::File,
                ..Default::default()
            };
            context.create_stream(stream).await.map_err(Failure::failed)?;
            drive(callers, length, move || {
                let (context, payload) = (context.clone(), payload.clone());
                async move {
                    let sent =
                        context.publish("per.event", payload).await.map_err(|error| error.to_string())?;
                    sent.await.map(|_| ()).map_err(|error| error.to_string())
                }
            })
            .await
        }
        Home::Folder(folder) => {
            let options = SqliteConnectOptions::new()
                .filename(folder.path().join("per-event.sqlite"))
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full);
            let pool = SqlitePoolOptions::new()
                .max_connections(1)
                .acquire_timeout(Duration::from_mins(1))
                .connect_with(options)
                .await
                .map_err(Failure::failed)?;
            sqlx::query("CREATE TABLE event (id INTEGER PRIMARY KEY, body BLOB NOT NULL)")
                .execute(&pool)
                .await
                .map_err(Failure::failed)?;
            drive(callers, length, move || {
                let (pool, payload) = (pool.clone(), payload.to_vec());
                async move {
                    let insert = sqlx::query("INSERT INTO event (body) VALUES ($1)").bind(payload);
                    insert.execute(&pool).await.map(|_| ()).map_err(|error| error.to_string())
                }
            })
            .await
        }
        Home::Postgres(servers) => {
            let pool = sqlx::postgres::PgPoolOptions::new()
                .max_connections(callers.min(CONNECTIONS_MAX) as u32)
                .acquire_timeout(Duration::from_mins(1))
                .connect(&servers.1.url())
                .await
                .map_err(Failure::failed)?;
            sqlx::query("CREATE TABLE per_event (id BIGSERIAL PRIMARY KEY, body BYTEA NOT NULL)")
                .execute(&pool)
                .await
                .map_err(Failure::failed)?;
            drive(callers, length, move || {
                let (pool, payload) = (pool.clone(), payload.to_vec());
                async move {
                    let insert = sqlx::query("INSERT INTO per_event (body) VALUES ($1)").bind(payload);
                    insert.execute(&pool).await.map(|_| ()).map_err(|error| error.to_string())
                }
            })
            .await
        }
    }
}

/// Has so many callers do one thing after the other for a time; returns how many a second.
async fn drive<F, W>(callers: usize, length: Duration, work: F) -> Result<f64, Failure>
where
    F: Fn() -> W + Send + Sync + 'static,
    W: Future<Output = Result<(), String>> + Send + 'static,
{
    let (work, done) = (Arc::new(work), Arc::new(AtomicU64::new(0)));
    let began = Instant::now();
    let until = began + length;
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        let (work, done) = (Arc::clone(&work), Arc::clone(&done));
        tasks.spawn(async move {
            while Instant::now() < until {
                work().await?;
                done.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<(), String>(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(Failure::failed)?.map_err(Failure::Failed)?;
    }
    Ok(done.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64())
}
