//! Free loopback ports.
//!
//! Owns: the choice of a port below the range from which the system takes ports for outgoing connections, so that a
//! server that is restarted finds its port free again.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Error;

const FIRST: u32 = 10_240;
const COUNT: u32 = 21_000;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A loopback port that nobody listens on, and that no other call in this process has returned lately.
pub fn free_port() -> Result<u16, Error> {
    if NEXT.load(Ordering::Relaxed) == 0 {
        // Processes that run side by side begin at different places.
        let seed = (RandomState::new().build_hasher().finish() % u64::from(COUNT)) as u32;
        let _ = NEXT.compare_exchange(0, seed + 1, Ordering::Relaxed, Ordering::Relaxed);
    }
    for _ in 0..COUNT {
        let port = (FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) as u16;
        if TcpListener::bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Error::Network(std::io::Error::other("no loopback port is free")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ports_that_are_asked_for_one_after_the_other_differ() -> Result<(), Error> {
        assert_ne!(free_port()?, free_port()?);
        Ok(())
    }
}
