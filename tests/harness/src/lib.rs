//! Real servers on loopback: what the tests, `paravox demo` and `paravox bench` run against.
//!
//! Owns: finding, starting, pausing and ending nats-server and PostgreSQL in temporary folders, a TCP proxy that cuts
//! connections at a chosen moment, and waiting for a condition with a limit.
//! Does not own: any client of these servers, nor what is stored in them.
//! Invariant: whatever was started here ends with the value that stands for it, and only that is ended.
//! Time: the runtime's clock, for limits only.

mod error;
pub mod ports;
mod process;

pub mod nats;
pub mod postgres;
pub mod proxy;

pub use self::error::Error;
pub use self::nats::{NatsCluster, NatsOptions, NatsServer, SyncInterval};
pub use self::ports::free_port;
pub use self::postgres::{Database, Postgres};
pub use self::proxy::TcpProxy;

use std::time::Duration;

/// How long [`eventually`] rests between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Waits until `look` gives a value, within `limit`; `what` is named in the error if it does not.
pub async fn eventually<T>(
    what: &'static str,
    limit: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> Result<T, Error> {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(limit, looking).await.map_err(|_| Error::Late { what, limit })
}
