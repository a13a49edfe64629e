//! People and their commands.

use std::sync::atomic::{AtomicU64, Ordering};

use paravox_domain::answer::{Answer, Noted};
use paravox_domain::call::{Other, Report, Reporter, Role, Stage as CallStage};
use paravox_domain::command::{Actor, Ask, Command};
use paravox_domain::digest::{Digest, SecretKey};
use paravox_domain::id::{CallId, CommandId, DeviceId, Id, PartyId, RegistrationId, RequestId, SessionId};
use paravox_domain::identity::Identity;
use paravox_domain::ports::Commands;
use paravox_domain::registration::{DeviceKind, DeviceName, NewDevice};
use paravox_domain::time::Instant;

const KEY: SecretKey = SecretKey([7; 32]);

/// Ids that no two commands of a test share.
static NEXT: AtomicU64 = AtomicU64::new(1);

pub(crate) fn next() -> u128 {
    u128::from(NEXT.fetch_add(1, Ordering::SeqCst))
}

/// A command under a fresh id, whose sender does not repeat it.
pub(crate) fn command(actor: Actor, ask: Ask) -> Command {
    let n = next();
    Command {
        id: CommandId::from_bits(n),
        repeatable: false,
        fingerprint: 0,
        at: Instant::MIN,
        request: RequestId::from_bits(n),
        seed: n << 32,
        actor,
        ask,
    }
}

/// The same, repeatable.
pub(crate) fn repeatable(actor: Actor, ask: Ask) -> Command {
    Command { repeatable: true, fingerprint: 1, ..command(actor, ask) }
}

/// The n-th telephone number: one that is kept free for stories.
pub(crate) fn number(n: u32) -> Identity {
    Identity::parse(&format!("+44207946{:04}", n % 1_000)).expect("a number")
}

pub(crate) fn code() -> Digest {
    Digest::of(b"123456")
}

/// Begins a registration.
pub(crate) fn start(registration: RegistrationId, n: u32) -> Ask {
    let name = DeviceName::parse("telephone").expect("a name");
    Ask::StartRegistration {
        registration,
        identity: number(n),
        device: NewDevice { name, kind: DeviceKind::Phone },
        code: code(),
    }
}

/// A registration that nobody made before.
pub(crate) fn start_fresh(n: u32) -> Ask {
    start(RegistrationId::from_bits(next()), n)
}

/// Somebody with a telephone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Person {
    pub(crate) number: u32,
    pub(crate) device: DeviceId,
    pub(crate) party: PartyId,
}

impl Person {
    /// Registers somebody.
    pub(crate) async fn registered(writer: &impl Commands, n: u32) -> Self {
        let registration = RegistrationId::from_bits(next());
        writer.submit(command(Actor::Anyone, start(registration, n))).await.expect("it begins");
        let prove = Ask::ProveRegistration { registration, code: code() };
        let outcome = writer.submit(command(Actor::Anyone, prove)).await.expect("it is proven");
        let Answer::Proven { party, device: Some(device) } = outcome.answer else {
            panic!("a newcomer is let in: {outcome:?}")
        };
        Self { number: n, device, party }
    }

    pub(crate) fn actor(&self) -> Actor {
        Actor::Device { device: self.device, party: self.party }
    }

    /// Reports a call with somebody.
    pub(crate) fn reports(&self, other: &Self, role: Role, stage: CallStage) -> Ask {
        let (own, theirs) = (number(self.number), number(other.number));
        Ask::Notify(Box::new(Report {
            key: own.key(&KEY),
            on_behalf_of: own,
            party: None,
            other: Other::Known { key: theirs.key(&KEY), identity: theirs, party: None },
            role,
            stage,
            references: Vec::new(),
            attempt: None,
            happened: None,
            reporter: Reporter::Device(self.device),
            devices: Vec::new(),
        }))
    }

    pub(crate) fn says(&self, session: SessionId, text: &str) -> Command {
        command(self.actor(), Ask::SendText { session, text: text.to_owned() })
    }
}

/// Two people whose call has a session.
pub(crate) async fn in_session(writer: &impl Commands, a: &Person, b: &Person) -> (CallId, SessionId) {
    let calling = a.reports(b, Role::Calling, CallStage::Alerting);
    writer.submit(command(a.actor(), calling)).await.expect("it is noted");
    let called = b.reports(a, Role::Called, CallStage::Alerting);
    let outcome = writer.submit(command(b.actor(), called)).await.expect("it is noted");
    let Answer::Noted { call, outcome: Noted::Joined { session: Some(session) } } = outcome.answer else {
        panic!("the call has both sides: {outcome:?}")
    };
    (call, session)
}
