//! `paravox bench journal`: notifications through admit, decide and group commit, beside one publish per event.
//!
//! Both sides run in this process, one after the other, on the same server, with events of the same size. What is
//! compared is the whole writer with its domain logic, and the plainest thing that one could do without any.

use std::time::{Duration, Instant};

use paravox_domain::answer::Answer;
use paravox_domain::call::{Attempt, Role, Stage};
use paravox_domain::commit::Position;
use paravox_domain::digest::SecretKey;
use paravox_domain::ports::{AnyJournal, Refused};
use serde_json::json;
use tokio::task::JoinSet;

use super::people::{self, Person};
use super::timing::Timings;
use super::{baseline, rounded, venue};
use crate::cli::{BenchJournalArgs, JournalKind};
use crate::exit::Failure;
use crate::node::writer::{BenchWriter, bench_writer};
use crate::output::Output;

/// Pairs of people in all. Each pair calls once in a few seconds, as fast as the benchmark gets: nobody's calls overlap.
const PAIRS: usize = 16_384;

/// Runs the benchmark for every journal, setting and number of callers.
pub async fn run(args: BenchJournalArgs, output: Output) -> Result<(), Failure> {
    let all = [JournalKind::Jetstream, JournalKind::Sqlite, JournalKind::Postgres];
    let kinds = if args.journal.is_empty() { all.to_vec() } else { args.journal.clone() };
    let length = Duration::from_secs(args.seconds.max(1));
    let runs: usize = kinds.iter().map(|kind| venue::syncs(*kind).len() * args.callers.len()).sum();
    let progress = output.progress(runs as u64);
    for kind in kinds {
        for sync in venue::syncs(kind) {
            for callers in &args.callers {
                progress.set_message(format!("{kind:?}, sync {}, {callers} callers", sync.name()));
                let venue = venue::Venue::open(kind, *sync).await?;
                let line = measure(&venue, (*callers).max(1), length, args.in_flight).await?;
                progress.suspend(|| super::print(&output, &line));
                progress.inc(1);
            }
        }
    }
    progress.finish_and_clear();
    Ok(())
}

async fn measure(
    venue: &venue::Venue,
    callers: usize,
    length: Duration,
    in_flight: usize,
) -> Result<serde_json::Value, Failure> {
    let secret = SecretKey([1; 32]);
    let writer = bench_writer(venue.journal.clone(), secret.clone(), in_flight).await?;
    let mut pairs = register(&writer, &secret, PAIRS.max(callers)).await?;

    let before = venue.journal.end().await.map_err(Failure::failed)?;
    let began = Instant::now();
    let (commands, mut timings) = notify(&writer, &mut pairs, callers, began + length).await?;
    let seconds = began.elapsed().as_secs_f64();
    let (events, bytes) = events_after(&venue.journal, before).await?;
    writer.shutdown().await;

    let event_bytes = (bytes / events.max(1)).max(16) as usize;
    let per_event = baseline::per_event_per_s(venue, callers, event_bytes, length).await?;
    let events_per_s = events as f64 / seconds;
    Ok(json!({
        "bench": "journal",
        "journal": venue.name(),
        "sync": venue.sync.name(),
        "callers": callers,
        "per_event_per_s": rounded(per_event),
        "commands_per_s": rounded(commands as f64 / seconds),
        "events_per_s": rounded(events_per_s),
        "ratio": rounded(events_per_s / per_event.max(0.001)),
        "p50_us": timings.percentile_us(0.5),
        "p99_us": timings.percentile_us(0.99),
        "in_flight": in_flight,
        "event_bytes": event_bytes,
    }))
}

/// Registers so many pairs of people.
async fn register(
    writer: &BenchWriter,
    secret: &SecretKey,
    pairs: usize,
) -> Result<Vec<(Person, Person)>, Failure> {
    const AT_A_TIME: usize = 512;
    let mut people = Vec::with_capacity(2 * pairs);
    let numbers: Vec<usize> = (0..2 * pairs).collect();
    for chunk in numbers.chunks(AT_A_TIME) {
        let mut tasks = JoinSet::new();
        for n in chunk.iter().copied() {
            let (commands, secret) = (writer.commands(), secret.clone());
            tasks.spawn(async move {
                let (start, prove) = people::registration(n)?;
                commands.submit(start).await.map_err(|error| error.to_string())?;
                let proven = commands.submit(prove).await.map_err(|error| error.to_string())?;
                let Answer::Proven { party, device: Some(device) } = proven.answer else {
                    return Err("a registration was not proven".to_owned());
                };
                people::person(n, &secret, party, device)
            });
        }
        while let Some(done) = tasks.join_next().await {
            people.push(done.map_err(Failure::failed)?.map_err(Failure::Failed)?);
        }
    }
    let mut people = people.into_iter();
    Ok(std::iter::from_fn(|| people.next().zip(people.next())).collect())
}

/// Has pair after pair call each other: both report the call, then its end. Returns the number of commands, and how long
/// each took.
async fn notify(
    writer: &BenchWriter,
    pairs: &mut Vec<(Person, Person)>,
    callers: usize,
    until: Instant,
) -> Result<(u64, Timings), Failure> {
    let mut tasks = JoinSet::new();
    let share = pairs.len() / callers;
    for _ in 0..callers {
        let (commands, own) = (writer.commands(), pairs.split_off(pairs.len() - share));
        tasks.spawn(async move {
            let mut timings = Timings::default();
            for calls in 1_u64.. {
                let attempt = Attempt::parse(&calls.to_string()).map_err(|error| error.to_string())?;
                for (caller, called) in &own {
                    if Instant::now() >= until {
                        return Ok(timings);
                    }
                    for command in [
                        caller.reports(called, Role::Calling, Stage::Attempt, &attempt),
                        called.reports(caller, Role::Called, Stage::Alerting, &attempt),
                        caller.reports(called, Role::Calling, Stage::Ended, &attempt),
                    ] {
                        let began = Instant::now();
                        match commands.submit(command).await {
                            Ok(_) => timings.add(began.elapsed()),
                            Err(Refused::Busy { .. }) => tokio::time::sleep(Duration::from_millis(5)).await,
                            Err(error) => return Err(error.to_string()),
                        }
                    }
                }
            }
            Ok(timings)
        });
    }
    let mut all = Timings::default();
    while let Some(done) = tasks.join_next().await {
        all.merge(done.map_err(Failure::failed)?.map_err(Failure::Failed)?);
    }
    Ok((all.len() as u64, all))
}

/// How many events the journal holds after a position, and the bytes of their commits.
async fn events_after(journal: &AnyJournal, after: Position) -> Result<(u64, u64), Failure> {
    const COMMITS_A_READ: usize = 256;
    let (mut events, mut bytes, mut at) = (0, 0, after);
    loop {
        let commits = journal.read(at, COMMITS_A_READ).await.map_err(Failure::failed)?;
        let Some(last) = commits.last() else { return Ok((events, bytes)) };
        at = last.position();
        for commit in &commits {
            bytes += commit.bytes().len() as u64;
            events += commit.decode().map_err(Failure::failed)?.events.len() as u64;
        }
    }
}
