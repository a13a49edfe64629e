//! Invariant 1: what was acknowledged is on disk. The server is killed under load, and started again.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use paravox::config::Config;
use paravox::keys;
use paravox_device::{Phone, Report, Server};
use paravox_domain::registration::Codes;

/// A server in a process of its own, killed when dropped.
struct Process(Child);

impl Process {
    fn start(data: &Path, listen: SocketAddr) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_paravox"))
            .args(["serve", "--listen", &listen.to_string(), "--data"])
            .arg(data)
            .env("PARAVOX_HTTP__REQUESTS_PER_ADDRESS_PER_S", "100000")
            .env("PARAVOX_HTTP__REQUESTS_PER_CREDENTIAL_PER_S", "100000")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn ready(base: &str) {
    let ask = async || reqwest::get(format!("{base}/readyz")).await.ok()?.status().is_success().then_some(());
    paravox_harness::eventually("the server's readiness", Duration::from_secs(30), ask).await.unwrap();
}

async fn phone(server: &Server, codes: &Codes, number: &str) -> Phone {
    let registration = server.start_registration(number, "a phone").await.unwrap();
    let answer = server.prove(&registration, &codes.code(registration.parse().unwrap())).await.unwrap();
    Phone::enrolled(server, number, &answer).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i1_what_was_acknowledged_before_a_kill_is_there_after_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let listen = SocketAddr::from(([127, 0, 0, 1], paravox_harness::ports::free_port().unwrap()));
    let base = format!("http://{listen}");
    let mut process = Process::start(folder.path(), listen);
    ready(&base).await;
    let mut config = Config::default();
    config.data.directory = folder.path().to_owned();
    let codes = Codes::new(&keys::read(&config.keys_directory()).unwrap().realm);

    let server = Server::new(&base).unwrap();
    let (alice, bob) =
        (phone(&server, &codes, "+447901000001").await, phone(&server, &codes, "+447901000002").await);
    alice
        .report(&Report { other: Some(&bob.number), role: "calling", stage: "attempt", attempt: Some("1") })
        .await
        .unwrap();
    let joined = bob
        .report(&Report { other: Some(&alice.number), role: "called", stage: "alerting", attempt: Some("1") })
        .await
        .unwrap();
    let session = joined.text("session").unwrap();
    let kills = if std::env::var_os("PARAVOX_TEST_LONG").is_some() { 30 } else { 4 };

    let mut acknowledged = Vec::new();
    for kill in 0..kills {
        // Messages are sent as fast as they are answered; in the middle of it the server is killed.
        let sender = {
            let (alice, session) = (alice.clone(), session.clone());
            tokio::spawn(async move {
                let mut sent = Vec::new();
                for n in 0.. {
                    let text = format!("{kill}.{n}");
                    match alice.say(&session, &text).await {
                        Ok(answer) => sent.push((answer.body["number"].as_u64().unwrap(), text)),
                        Err(_) => break,
                    }
                }
                sent
            })
        };
        tokio::time::sleep(Duration::from_millis(150 + 70 * kill)).await;
        process.kill();
        acknowledged.extend(sender.await.unwrap());
        process = Process::start(folder.path(), listen);
        ready(&base).await;
    }
    assert!(acknowledged.len() > 20, "the kills came under load: {} messages", acknowledged.len());

    // Everything that was acknowledged is in Bob's feed, once, under the number that it was given.
    let mut feed = bob.feed(0).await.unwrap();
    let last = acknowledged.last().map(|(number, _)| *number).unwrap();
    let mut seen = std::collections::BTreeMap::new();
    let mut items = 0;
    while seen.last_key_value().is_none_or(|(number, _)| *number < last) {
        let item = feed.next(Duration::from_secs(20)).await.unwrap();
        items += 1;
        assert_eq!(item.number, items, "the feed has no hole and no repeat, over all kills");
        if item.kind == "message.text" {
            let number = item.body["number"].as_u64().unwrap();
            assert!(
                seen.insert(number, item.text("text").to_owned()).is_none(),
                "message {number} came twice"
            );
        }
    }
    for (number, text) in acknowledged {
        assert_eq!(seen.get(&number), Some(&text), "message {number} was acknowledged");
    }
    process.kill();
}
