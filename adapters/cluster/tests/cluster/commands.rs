//! Commands over request-reply.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use paravox_cluster::{NatsCommands, ServeLimits, command_subject, serve_commands};
use paravox_domain::answer::{Answer, Rejection};
use paravox_domain::command::{Actor, Ask, Command};
use paravox_domain::commit::Position;
use paravox_domain::id::{CommandId, DeviceId, Id, PartyId, RequestId, SessionId};
use paravox_domain::ports::{Boxed, Commands, Outcome, Refused};
use paravox_domain::time::Instant;
use paravox_harness::eventually;
use tokio::sync::{Notify, watch};

use crate::{LIMIT, client, server, within};

fn text(text: &str) -> Command {
    Command {
        id: CommandId::from_bits(1),
        repeatable: true,
        fingerprint: u64::MAX,
        at: Instant::MIN,
        request: RequestId::from_bits(2),
        seed: u128::MAX - 5,
        actor: Actor::Device { device: DeviceId::from_bits(3), party: PartyId::from_bits(4) },
        ask: Ask::SendText { session: SessionId::from_bits(5), text: text.to_owned() },
    }
}

/// A writer that answers by the text.
#[derive(Debug, Default)]
struct Echo {
    held: Notify,
    under_way: AtomicUsize,
}

impl Commands for Echo {
    fn submit(&self, command: Command) -> Boxed<'_, Result<Outcome, Refused>> {
        Box::pin(async move {
            self.under_way.fetch_add(1, Ordering::SeqCst);
            let Ask::SendText { session, text: asked } = &command.ask else { return Err(Refused::UnderWay) };
            assert_eq!(command, text(asked), "a command arrives as it was sent");
            match asked.as_str() {
                "reject" => Err(Rejection::SessionUnknown { session: *session }.into()),
                "hold" => {
                    self.held.notified().await;
                    Err(Refused::UnderWay)
                }
                _ => Ok(Outcome { answer: Answer::Done, position: Position(7), replayed: true }),
            }
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_reach_the_node_that_leads_and_only_while_it_leads() {
    let server = server().await;
    let (say, leads) = watch::channel(false);
    let _serving = serve_commands(
        client(&server).await,
        "test",
        Arc::new(Echo::default()),
        leads,
        ServeLimits::default(),
    );
    let commands = NatsCommands::new(client(&server).await, "test", Duration::from_secs(5));
    let refused = within(commands.submit(text("hello"))).await;
    assert!(matches!(refused, Err(Refused::NoWriter { .. })), "{refused:?}");

    say.send_replace(true);
    let outcome = eventually("an answer", LIMIT, async || commands.submit(text("hello")).await.ok()).await;
    let expected = Outcome { answer: Answer::Done, position: Position(7), replayed: true };
    assert_eq!(outcome.unwrap(), expected);
    let rejected = within(commands.submit(text("reject"))).await;
    let expected = Rejection::SessionUnknown { session: SessionId::from_bits(5) };
    assert_eq!(rejected, Err(expected.into()));

    say.send_replace(false);
    let gone =
        async || matches!(commands.submit(text("hello")).await, Err(Refused::NoWriter { .. })).then_some(());
    eventually("the end of serving", LIMIT, gone).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i9_beyond_the_bound_a_command_is_refused_at_once() {
    let server = server().await;
    let (_say, leads) = watch::channel(true);
    let echo = Arc::new(Echo::default());
    let limits = ServeLimits { commands_max: 1 };
    let _serving = serve_commands(client(&server).await, "test", echo.clone(), leads, limits);
    let commands = NatsCommands::new(client(&server).await, "test", Duration::from_secs(20));
    eventually("serving", LIMIT, async || commands.submit(text("hello")).await.ok()).await.unwrap();

    let before = echo.under_way.load(Ordering::SeqCst);
    let held = tokio::spawn({
        let commands = commands.clone();
        async move { commands.submit(text("hold")).await }
    });
    let taken = async || (echo.under_way.load(Ordering::SeqCst) > before).then_some(());
    eventually("the first one", LIMIT, taken).await.unwrap();
    let refused = within(commands.submit(text("hello"))).await;
    assert!(matches!(refused, Err(Refused::Busy { .. })), "{refused:?}");
    echo.held.notify_waiters();
    assert_eq!(within(held).await.unwrap(), Err(Refused::UnderWay));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_that_does_not_come_is_said_to_be_unknown() {
    let server = server().await;
    let nats = client(&server).await;
    // Somebody who listens and never answers.
    let _silent = nats.subscribe(command_subject("test")).await.expect("it subscribes");
    nats.flush().await.expect("it is known");
    let commands = NatsCommands::new(client(&server).await, "test", Duration::from_millis(100));
    let refused = within(commands.submit(text("hello"))).await;
    assert!(matches!(refused, Err(Refused::NoWriter { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p1_what_is_no_command_is_answered_and_harms_nobody() {
    let server = server().await;
    let (_say, leads) = watch::channel(true);
    let _serving = serve_commands(
        client(&server).await,
        "test",
        Arc::new(Echo::default()),
        leads,
        ServeLimits::default(),
    );
    let nats = client(&server).await;
    let commands = NatsCommands::new(nats.clone(), "test", Duration::from_secs(5));
    eventually("serving", LIMIT, async || commands.submit(text("hello")).await.ok()).await.unwrap();
    for payload in ["", "{}", "{\"id\":\"cmd_x\"}", "[[[[[["] {
        let answer = within(nats.request(command_subject("test"), payload.into())).await;
        let answer = String::from_utf8(answer.expect("it is answered").payload.to_vec()).unwrap();
        assert!(answer.contains("no_writer"), "{answer}");
    }
    within(commands.submit(text("hello"))).await.expect("it goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i9_a_command_larger_than_a_message_is_refused() {
    let server = server().await;
    let commands = NatsCommands::new(client(&server).await, "test", Duration::from_secs(5));
    let refused = within(commands.submit(text(&"x".repeat(2_000_000)))).await;
    assert!(matches!(refused, Err(Refused::Rejected(Rejection::CommandTooLarge { .. }))), "{refused:?}");
}
