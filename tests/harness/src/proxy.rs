//! A TCP proxy on loopback whose connections break at a chosen moment.
//!
//! Owns: what happens to bytes between a client and a server.
//! Does not own: any protocol: it sees bytes, and counts an answer as such when the server sends after the client did.
//! Invariant: bytes that pass are never changed or reordered. After bytes were swallowed a connection is cut.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Error;

const BUFFER_BYTES: usize = 64 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Pass,
    /// Bytes wait where they are.
    Stall,
    /// Bytes pass to the server; its answer is swallowed and the connection cut.
    CutBeforeReply,
    /// New connections are closed at once.
    Refuse,
}

#[derive(Debug)]
struct Shared {
    target: SocketAddr,
    mode: watch::Sender<Mode>,
    cuts: watch::Sender<u64>,
    open: AtomicUsize,
}

/// The proxy. Its connections end when it is dropped.
#[derive(Debug)]
pub struct TcpProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl TcpProxy {
    /// Listens on a free loopback port and forwards to `target`.
    pub async fn start(target: SocketAddr) -> Result<Self, Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            target,
            mode: watch::Sender::new(Mode::Pass),
            cuts: watch::Sender::new(0),
            open: AtomicUsize::new(0),
        });
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Ok(Self { address, shared, accepting })
    }

    /// Where clients connect.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets everything through again.
    pub fn pass(&self) {
        self.shared.mode.send_replace(Mode::Pass);
    }

    /// Lets nothing through, in either direction, while connections stay open.
    pub fn stall(&self) {
        self.shared.mode.send_replace(Mode::Stall);
    }

    /// Cuts all open connections now. New ones are welcome.
    pub fn cut_now(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Lets the client's next bytes through to the server, swallows what the server sends after them, and cuts the
    /// connection then. New connections pass.
    pub fn cut_before_reply(&self) {
        self.shared.mode.send_replace(Mode::CutBeforeReply);
    }

    /// Cuts all open connections and takes no new ones until [`Self::pass`].
    pub fn refuse(&self) {
        self.shared.mode.send_replace(Mode::Refuse);
        self.cut_now();
    }

    /// Whether the next answer is still to be cut off.
    pub fn is_armed(&self) -> bool {
        *self.shared.mode.borrow() == Mode::CutBeforeReply
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut_now();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        if *shared.mode.borrow() != Mode::Refuse {
            tokio::spawn(serve(client, shared.clone()));
        }
    }
}

async fn serve(mut client: TcpStream, shared: Arc<Shared>) {
    let mut cuts = shared.cuts.subscribe();
    let Ok(mut server) = TcpStream::connect(shared.target).await else { return };
    // Without delay, as a direct connection would be; a refusal changes nothing but speed.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    shared.open.fetch_add(1, Ordering::Relaxed);
    {
        let asked = AtomicBool::new(false);
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::select! {
            _ = cuts.changed() => {}
            () = forward_requests(from_client, to_server, &shared, &asked) => {}
            () = forward_replies(from_server, to_client, &shared, &asked) => {}
        }
    }
    shared.open.fetch_sub(1, Ordering::Relaxed);
}

async fn forward_requests(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    shared: &Shared,
    asked: &AtomicBool,
) {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut mode = shared.mode.subscribe();
    loop {
        if mode.wait_for(|mode| *mode != Mode::Stall).await.is_err() {
            return;
        }
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            _ = mode.changed() => continue,
        };
        match read {
            Ok(read) if read > 0 => {
                if *mode.borrow() == Mode::CutBeforeReply {
                    asked.store(true, Ordering::SeqCst);
                }
                if to.write_all(&buffer[..read]).await.is_err() {
                    return;
                }
            }
            _ => return,
        }
    }
}

async fn forward_replies(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, shared: &Shared, asked: &AtomicBool) {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut mode = shared.mode.subscribe();
    loop {
        if mode.wait_for(|mode| *mode != Mode::Stall).await.is_err() {
            return;
        }
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            _ = mode.changed() => continue,
        };
        match read {
            Ok(read) if read > 0 => {
                let armed = *mode.borrow() == Mode::CutBeforeReply;
                if armed && asked.load(Ordering::SeqCst) {
                    shared.mode.send_replace(Mode::Pass);
                    return;
                }
                if to.write_all(&buffer[..read]).await.is_err() {
                    return;
                }
            }
            _ => return,
        }
    }
}
