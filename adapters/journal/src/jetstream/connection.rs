//! The connection under a request: is it still the one over which the request was sent?
//!
//! Owns: noticing that an answer cannot come any more, long before a time limit would.
//! Time: the runtime's clock, for looking from time to time.

use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A connection, as it was when a request began.
#[derive(Debug)]
pub(super) struct Connection<'a> {
    client: &'a Client,
    connects: u64,
}

impl<'a> Connection<'a> {
    /// The present connection; `None` if there is none. Without one the client would keep a message and send it at some
    /// later time.
    pub(super) fn present(client: &'a Client) -> Option<Self> {
        let connects = connects(client);
        (client.connection_state() == State::Connected).then_some(Self { client, connects })
    }

    /// Waits until this connection is lost.
    pub(super) async fn lost(&self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if self.client.connection_state() != State::Connected || connects(self.client) != self.connects {
                return;
            }
        }
    }
}

/// How often the client has connected.
fn connects(client: &Client) -> u64 {
    client.statistics().connects.load(Ordering::Relaxed)
}
