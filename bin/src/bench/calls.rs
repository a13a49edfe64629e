//! `paravox bench calls`: calls that both sides report over HTTP, until both devices are told.
//!
//! A server of its own, people who register over the API, one kept-alive connection and one feed (WebSocket) for each
//! device. Each pair calls again and again: the caller reports, the called reports, both are told of the session, the
//! caller reports the end, both are told. `told` is the time from sending the second report until the later of the two
//! devices has the session; what the load generator itself takes is in it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use paravox_device::{Feed, Item, Server};
use paravox_domain::registration::Codes;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::timing::Timings;
use super::wire::Wire;
use super::{people, rounded};
use crate::cli::{BenchCallsArgs, Rate};
use crate::config::Config;
use crate::exit::Failure;
use crate::node::{Node, Outside, embedded_config};
use crate::output::Output;

/// How long a device may wait for an item before its call counts as lost.
const TOLD_WITHIN: Duration = Duration::from_secs(10);

/// Runs the benchmark.
pub async fn run(args: BenchCallsArgs, output: Output) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(Failure::failed)?;
    let mut config = embedded_config(folder.path());
    unlimited(&mut config);
    let servers = if args.cluster { Some(super::venue::cluster(&mut config).await?) } else { None };
    let outside = Outside::silent();
    let node = Node::start(&config, &outside).await?;
    node.leads().await?;
    let progress = output.progress(2);
    progress.set_message("people register");
    let pairs = register(&node, args.callers.max(1)).await?;
    progress.inc(1);
    progress.set_message("people call");
    let result = drive(&node, pairs, &args).await;
    progress.finish_and_clear();
    node.stop().await;
    drop(servers);
    let (outcome, seconds) = result?;
    super::print(&output, &line(&args, outcome, seconds));
    Ok(())
}

/// A benchmark's people come from one address, and do nothing but call.
fn unlimited(config: &mut Config) {
    config.http.requests_per_address_per_s = 10_000_000;
    config.http.requests_per_credential_per_s = 10_000_000;
    config.calls.open_per_identity_max = 64;
}

/// What was seen.
#[derive(Debug, Default)]
struct Outcome {
    done: u64,
    told: Timings,
    lost: u64,
    repeated: u64,
    joined_wrong: u64,
    refused: u64,
}

impl Outcome {
    fn merge(&mut self, other: Self) {
        self.done += other.done;
        self.told.merge(other.told);
        self.lost += other.lost;
        self.repeated += other.repeated;
        self.joined_wrong += other.joined_wrong;
        self.refused += other.refused;
    }
}

fn line(args: &BenchCallsArgs, mut outcome: Outcome, seconds: f64) -> Value {
    let rate = match args.rate {
        Rate::Max => json!("max"),
        Rate::PerSecond(rate) => json!(rate),
    };
    json!({
        "bench": "calls",
        "rate": rate,
        "done_per_s": rounded(outcome.done as f64 / seconds),
        "told_p50_ms": rounded(outcome.told.percentile_ms(0.5)),
        "told_p99_ms": rounded(outcome.told.percentile_ms(0.99)),
        "lost": outcome.lost,
        "repeated": outcome.repeated,
        "joined_wrong": outcome.joined_wrong,
        "refused": outcome.refused,
        "callers": args.callers,
        "mode": if args.cluster { "nats+postgres" } else { "embedded" },
    })
}

/// One device: its number and its token.
struct Device {
    number: String,
    token: String,
}

type Pair = (Device, Device);

async fn register(node: &Node, count: usize) -> Result<Vec<Pair>, Failure> {
    const AT_A_TIME: usize = 32;
    let server = Server::new(node.url()).map_err(Failure::failed)?;
    let codes = Arc::new(node.codes());
    let mut devices = Vec::with_capacity(2 * count);
    for chunk in (0..2 * count).collect::<Vec<_>>().chunks(AT_A_TIME) {
        let mut tasks = JoinSet::new();
        for n in chunk.iter().copied() {
            let (server, codes) = (server.clone(), Arc::clone(&codes));
            tasks.spawn(async move { (n, register_one(&server, &codes, n).await) });
        }
        while let Some(done) = tasks.join_next().await {
            let (n, device) = done.map_err(Failure::failed)?;
            devices.push((n, device.map_err(Failure::Failed)?));
        }
    }
    devices.sort_by_key(|(n, _)| *n);
    let mut pairs = Vec::with_capacity(count);
    let mut devices = devices.into_iter().map(|(_, device)| device);
    while let (Some(caller), Some(called)) = (devices.next(), devices.next()) {
        pairs.push((caller, called));
    }
    Ok(pairs)
}

async fn register_one(server: &Server, codes: &Codes, n: usize) -> Result<Device, String> {
    let number = people::number(n);
    let registration =
        server.start_registration(&number, "benchmark").await.map_err(|error| error.to_string())?;
    let id = registration.parse().map_err(|_| "the registration's id has another form".to_owned())?;
    let answer = server.prove(&registration, &codes.code(id)).await.map_err(|error| error.to_string())?;
    Ok(Device { number, token: answer.text("access_token").map_err(|error| error.to_string())? })
}

async fn drive(node: &Node, pairs: Vec<Pair>, args: &BenchCallsArgs) -> Result<(Outcome, f64), Failure> {
    let count = pairs.len();
    let period = match args.rate {
        Rate::Max => None,
        Rate::PerSecond(rate) => Some(Duration::from_secs_f64(count as f64 / rate)),
    };
    let mut lines = Vec::with_capacity(count);
    for pair in pairs {
        lines.push(Line::open(node, pair).await.map_err(Failure::Failed)?);
    }
    let began = Instant::now();
    let until = began + Duration::from_secs(args.seconds.max(1));
    let mut tasks = JoinSet::new();
    for (n, mut line) in lines.into_iter().enumerate() {
        // Calls are spread over the period, so that they do not all begin at once.
        let first = period.map_or(began, |period| began + period.mul_f64(n as f64 / count as f64));
        tasks.spawn(async move {
            let mut next = first;
            while next < until && Instant::now() < until {
                tokio::time::sleep_until(next.into()).await;
                line.call().await?;
                next = period.map_or_else(Instant::now, |period| next + period);
            }
            Ok::<Outcome, String>(line.outcome)
        });
    }
    let mut all = Outcome::default();
    while let Some(done) = tasks.join_next().await {
        all.merge(done.map_err(Failure::failed)?.map_err(Failure::Failed)?);
    }
    Ok((all, began.elapsed().as_secs_f64()))
}

/// The two telephones of a pair, with their connections and feeds.
struct Line {
    pair: Pair,
    wires: [Wire; 2],
    items: mpsc::UnboundedReceiver<(usize, Result<Item, String>)>,
    last: [u64; 2],
    calls: u64,
    outcome: Outcome,
}

impl Line {
    async fn open(node: &Node, pair: Pair) -> Result<Self, String> {
        let (tell, items) = mpsc::unbounded_channel();
        for (n, device) in [&pair.0, &pair.1].into_iter().enumerate() {
            let mut feed = Feed::open(&node.url(), &device.token, 0, Arc::default())
                .await
                .map_err(|error| error.to_string())?;
            let tell = tell.clone();
            tokio::spawn(async move {
                loop {
                    let item = feed.next(Duration::from_hours(1)).await.map_err(|error| error.to_string());
                    let ended = item.is_err();
                    if tell.send((n, item)).is_err() || ended {
                        return;
                    }
                }
            });
        }
        let wires = [Wire::connect(node.address()).await?, Wire::connect(node.address()).await?];
        Ok(Self { pair, wires, items, last: [0; 2], calls: 0, outcome: Outcome::default() })
    }

    /// One call, from the first report until both devices know that it is over.
    async fn call(&mut self) -> Result<(), String> {
        self.calls += 1;
        let attempt = self.calls.to_string();
        let (alice, bob) = (&self.pair.0, &self.pair.1);
        let calling = report(alice, bob, "calling", "attempt", &attempt);
        let alerting = report(bob, alice, "called", "alerting", &attempt);
        let ended = report(alice, bob, "calling", "ended", &attempt);
        let path = "/v1/call-notifications";

        let first = self.wires[0].post(path, Some(&alice.token), &calling).await?;
        if first.status >= 300 {
            self.outcome.refused += 1;
            return Ok(());
        }
        let call = answered_call(&first.body)?;
        let began = Instant::now();
        let second = self.wires[1].post(path, Some(&bob.token), &alerting).await?;
        if second.status >= 300 {
            self.outcome.refused += 1;
        } else if answered_call(&second.body)? != call {
            self.outcome.joined_wrong += 1;
        }
        let told = self.wait_for("session.opened", &call).await?;
        self.wires[0].post(path, Some(&self.pair.0.token), &ended).await?;
        let closed = self.wait_for("session.closed", &call).await?;
        match (told, closed) {
            (Some(told), Some(_)) => {
                self.outcome.told.add(told.saturating_duration_since(began));
                self.outcome.done += 1;
            }
            _ => self.outcome.lost += 1,
        }
        Ok(())
    }

    /// Waits until both devices have an item of this kind. Checks every item on the way: its number, and its call.
    async fn wait_for(&mut self, kind: &str, call: &str) -> Result<Option<Instant>, String> {
        let mut came = [None; 2];
        let until = Instant::now() + TOLD_WITHIN;
        while came.iter().any(Option::is_none) {
            let Ok(received) = tokio::time::timeout_at(until.into(), self.items.recv()).await else {
                return Ok(None);
            };
            let (n, item) = received.ok_or("a feed has ended")?;
            let item = item?;
            let expected = self.last[n] + 1;
            if item.number < expected {
                self.outcome.repeated += 1;
            } else if item.number > expected {
                self.outcome.lost += item.number - expected;
            }
            self.last[n] = self.last[n].max(item.number);
            if item.kind == "session.opened" && item.text("call") != call {
                self.outcome.joined_wrong += 1;
            }
            if item.kind == kind {
                came[n] = Some(item.came);
            }
        }
        Ok(came.into_iter().flatten().max())
    }
}

fn report(own: &Device, other: &Device, role: &str, stage: &str, attempt: &str) -> String {
    format!(
        r#"{{"on_behalf_of":"{}","other":{{"identity":"{}"}},"role":"{role}","stage":"{stage}","attempt":"{attempt}"}}"#,
        own.number, other.number
    )
}

fn answered_call(body: &[u8]) -> Result<String, String> {
    let answer: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    answer["call"].as_str().map(str::to_owned).ok_or_else(|| format!("no call in {answer}"))
}
