//! Presence: which device is connected here, and telling the writer so.
//!
//! Owns: one connection for each device at this gateway (the newest one), and the commands `Connect` and `Disconnect`.
//! Does not own: what a connection means for a session (the domain). A device that is connected at another gateway too is
//! known to the domain, which counts the newest connection.
//! Invariant: every connection that was told of is told to be gone, also when the program stops.
//! Time: the runtime's clock, for rests between tries and the grace of long polls.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use paravox_domain::command::{Actor, Ask, Command};
use paravox_domain::digest::Digest;
use paravox_domain::id::{CommandId, ConnectionId, DeviceId, Id as _, PartyId, RequestId};
use paravox_domain::ports::Refused as NotDone;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::codes::GatewayCode;
use crate::credentials::{Access, Ticket};
use crate::parts::Shared;
use crate::problem::Problem;

/// How long a gone connection is told again where no writer answers.
const TELL_FOR: Duration = Duration::from_mins(1);
/// The rest before the second try; it doubles up to [`REST_MAX`].
const REST_FIRST: Duration = Duration::from_millis(50);
const REST_MAX: Duration = Duration::from_secs(2);

/// The devices that are connected here.
#[derive(Default)]
pub(crate) struct Presences {
    live: Mutex<HashMap<DeviceId, Live>>,
}

struct Live {
    connection: ConnectionId,
    replaced: CancellationToken,
    polls: Option<Arc<Polls>>,
}

/// A device's connection.
pub(crate) struct Presence {
    shared: Arc<Shared>,
    device: DeviceId,
    connection: ConnectionId,
    replaced: CancellationToken,
    put_out: CancellationToken,
    gone: CancellationToken,
}

impl Presence {
    /// The device.
    pub(crate) const fn device(&self) -> DeviceId {
        self.device
    }

    /// Cancelled when another connection took its place.
    pub(crate) const fn replaced(&self) -> &CancellationToken {
        &self.replaced
    }

    /// Cancelled when the writer says that the device may not act.
    pub(crate) const fn put_out(&self) -> &CancellationToken {
        &self.put_out
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let left = {
            let mut live = self.shared.presences.lock();
            let own = live.get(&self.device).is_some_and(|live| live.connection == self.connection);
            own.then(|| live.remove(&self.device))
        };
        drop(left);
        self.gone.cancel();
    }
}

impl Presences {
    fn lock(&self) -> MutexGuard<'_, HashMap<DeviceId, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses where too many devices are connected already.
    pub(crate) fn check_room(&self, shared: &Shared, device: DeviceId) -> Result<(), Problem> {
        let live = self.lock();
        if live.len() >= shared.config.feed.clients_max && !live.contains_key(&device) {
            return Err(Problem::new(GatewayCode::ConnectionsTooMany, "too many devices are connected here"));
        }
        Ok(())
    }

    /// A new connection of a device; an earlier one ends. `told` where the writer knows of it already.
    pub(crate) fn enter(
        &self,
        shared: &Arc<Shared>,
        access: Access,
        connection: ConnectionId,
        told: bool,
    ) -> Presence {
        let (presence, before) = {
            let mut live = self.lock();
            let (presence, entry) = new(shared, access.device, connection);
            (presence, live.insert(access.device, entry))
        };
        replace(before);
        tell(shared, access.party, &presence, told);
        presence
    }

    /// A long poll of a device. Those that follow each other within the grace are one connection; a second one at the same
    /// time ends the first.
    pub(crate) fn poll(&self, shared: &Arc<Shared>, access: Access) -> Lease {
        let mut live = self.lock();
        if let Some(polls) = live.get(&access.device).and_then(|live| live.polls.clone()) {
            let lease = polls.lease();
            drop(live);
            return lease;
        }
        let (presence, mut entry) = new(shared, access.device, shared.fresh());
        tell(shared, access.party, &presence, false);
        let polls = Arc::new(Polls {
            presence,
            leases: AtomicUsize::new(0),
            stir: Notify::new(),
            latest: Mutex::new(CancellationToken::new()),
        });
        entry.polls = Some(Arc::clone(&polls));
        let lease = polls.lease();
        let before = live.insert(access.device, entry);
        drop(live);
        replace(before);
        let grace = Duration::from_millis(shared.config.feed.poll_grace_ms);
        shared.tasks.spawn(watch_polls(Arc::clone(shared), polls, grace));
        lease
    }
}

fn new(shared: &Arc<Shared>, device: DeviceId, connection: ConnectionId) -> (Presence, Live) {
    let replaced = CancellationToken::new();
    let presence = Presence {
        shared: Arc::clone(shared),
        device,
        connection,
        replaced: replaced.clone(),
        put_out: CancellationToken::new(),
        gone: CancellationToken::new(),
    };
    (presence, Live { connection, replaced, polls: None })
}

/// Ends what was there before. Not to be done under the lock: the end takes it.
fn replace(before: Option<Live>) {
    if let Some(before) = before {
        before.replaced.cancel();
    }
}

/// Tells the writer of a connection, and of its end.
fn tell(shared: &Arc<Shared>, party: PartyId, presence: &Presence, told: bool) {
    let (shared, device, connection) = (Arc::clone(shared), presence.device, presence.connection);
    let (put_out, gone) = (presence.put_out.clone(), presence.gone.clone());
    let tasks = shared.tasks.clone();
    tasks.spawn(async move {
        if !told {
            let connect = submit(&shared, (device, party), Ask::Connect { device, connection });
            tokio::select! {
                biased;
                outcome = connect => if let Err(NotDone::Rejected(rejection)) = outcome {
                    tracing::debug!(code = rejection.code(), "a connection was refused");
                    put_out.cancel();
                },
                () = gone.cancelled() => {}
            }
        }
        gone.cancelled().await;
        let disconnect = submit(&shared, (device, party), Ask::Disconnect { device, connection });
        if tokio::time::timeout(TELL_FOR, disconnect).await.is_err() {
            tracing::warn!("no writer heard that a connection is gone");
        }
    });
}

/// Submits a command about a connection until a writer has settled it.
async fn submit(shared: &Shared, (device, party): (DeviceId, PartyId), ask: Ask) -> Result<(), NotDone> {
    let command = Command {
        id: shared.fresh(),
        repeatable: false,
        fingerprint: 0,
        at: shared.now(),
        request: shared.fresh(),
        seed: rand::random(),
        actor: Actor::Device { device, party },
        ask,
    };
    let mut rest = REST_FIRST;
    loop {
        match shared.commands.submit(command.clone()).await {
            Ok(_) => return Ok(()),
            Err(NotDone::Busy { .. } | NotDone::NoWriter { .. } | NotDone::UnderWay) => {
                tokio::time::sleep(rest).await;
                rest = (rest * 2).min(REST_MAX);
            }
            Err(refused) => return Err(refused),
        }
    }
}

/// Uses a ticket, once: it opens the connection that it names, by a command whose id is derived from it, so that of many who
/// present it, at whichever gateways, one gets in (A4).
pub(crate) async fn redeem(shared: &Shared, ticket: &Ticket, request: RequestId) -> Result<(), Problem> {
    let input = [b"ticket".as_slice(), &ticket.connection.bits().to_be_bytes()].concat();
    let Ticket { device, party, connection, .. } = *ticket;
    let command = Command {
        id: CommandId::from_bits(Digest::keyed(&shared.command_key, &input).truncated()),
        repeatable: true,
        fingerprint: 1,
        at: shared.now(),
        request,
        seed: rand::random(),
        actor: Actor::Device { device, party },
        ask: Ask::Connect { device, connection },
    };
    let used = || Problem::new(GatewayCode::TicketInvalid, "this ticket was used already: get another one");
    match shared.commands.submit(command).await {
        Ok(outcome) if outcome.replayed => Err(used()),
        Ok(_) => Ok(()),
        Err(NotDone::UnderWay | NotDone::OtherRequest) => Err(used()),
        Err(refused) => Err(refused.into()),
    }
}

/// The long polls of a device that follow each other.
struct Polls {
    presence: Presence,
    leases: AtomicUsize,
    stir: Notify,
    latest: Mutex<CancellationToken>,
}

/// One long poll.
pub(crate) struct Lease {
    polls: Arc<Polls>,
    superseded: CancellationToken,
}

impl Polls {
    /// Takes the entry out, if it is still this one's. To be dropped without the lock.
    fn leave(&self, live: &mut HashMap<DeviceId, Live>) -> Option<Live> {
        let own =
            live.get(&self.presence.device).is_some_and(|live| live.connection == self.presence.connection);
        if own { live.remove(&self.presence.device) } else { None }
    }

    /// To be called under the lock of the presences.
    fn lease(self: &Arc<Self>) -> Lease {
        self.leases.fetch_add(1, Ordering::AcqRel);
        let superseded = CancellationToken::new();
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *latest, superseded.clone()).cancel();
        Lease { polls: Arc::clone(self), superseded }
    }
}

impl Lease {
    /// The connection of which this poll is a part.
    pub(crate) fn presence(&self) -> &Presence {
        &self.polls.presence
    }

    /// Cancelled when the device polls again before this poll is answered.
    pub(crate) const fn superseded(&self) -> &CancellationToken {
        &self.superseded
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.polls.leases.fetch_sub(1, Ordering::AcqRel);
        self.polls.stir.notify_one();
    }
}

/// Ends the connection when no poll came within the grace.
async fn watch_polls(shared: Arc<Shared>, polls: Arc<Polls>, grace: Duration) {
    loop {
        tokio::select! {
            biased;
            () = polls.presence.replaced.cancelled() => break,
            () = polls.presence.put_out.cancelled() => break,
            () = shared.closing.cancelled() => break,
            () = polls.stir.notified() => {}
            () = tokio::time::sleep(grace) => {
                let left = {
                    let mut live = shared.presences.lock();
                    // Under the lock, under which leases are given: none can come between.
                    (polls.leases.load(Ordering::Acquire) == 0).then(|| polls.leave(&mut live))
                };
                if left.is_some() {
                    break;
                }
            }
        }
    }
    let left = polls.leave(&mut shared.presences.lock());
    drop(left);
}
