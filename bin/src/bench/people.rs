//! People for benchmarks: numbers that exist, devices, and the commands by which they register and report.
//!
//! Owns: commands as an edge would build them, without the edge.

use paravox_domain::call::{Attempt, Other, Report, Reporter, Role, Stage};
use paravox_domain::command::{Actor, Ask, Command};
use paravox_domain::digest::{Digest, SecretKey};
use paravox_domain::id::{CommandId, DeviceId, Id as _, PartyId, RegistrationId, RequestId};
use paravox_domain::identity::{Identity, LookupKey};
use paravox_domain::registration::{DeviceKind, DeviceName, NewDevice};
use paravox_domain::time::Instant;

use crate::keys::random;

/// Somebody with a number and a registered device.
#[derive(Clone, Debug)]
pub struct Person {
    /// The number.
    pub number: Identity,
    /// Its look-up key.
    pub key: LookupKey,
    /// The party.
    pub party: PartyId,
    /// The device.
    pub device: DeviceId,
}

/// The n-th number of a range in which every number is a valid British mobile number; ten million of them.
pub fn number(n: usize) -> String {
    format!("+44790{:07}", n % 10_000_000)
}

/// A command with fresh ids.
pub fn command(actor: Actor, ask: Ask) -> Command {
    Command {
        id: CommandId::from_bits(random()),
        repeatable: false,
        fingerprint: 0,
        at: Instant::MIN,
        request: RequestId::from_bits(random()),
        seed: random(),
        actor,
        ask,
    }
}

/// A registration: its first command, and the second one that proves it.
pub fn registration(n: usize) -> Result<(Command, Command), String> {
    let registration = RegistrationId::from_bits(random());
    let identity = Identity::parse(&number(n)).map_err(|error| error.to_string())?;
    let name = DeviceName::parse("benchmark").map_err(|error| error.to_string())?;
    let device = NewDevice { name, kind: DeviceKind::Phone };
    let code = Digest::of(b"a code");
    Ok((
        command(Actor::Anyone, Ask::StartRegistration { registration, identity, device, code }),
        command(Actor::Anyone, Ask::ProveRegistration { registration, code }),
    ))
}

/// Somebody whose registration was answered with these ids.
pub fn person(n: usize, secret: &SecretKey, party: PartyId, device: DeviceId) -> Result<Person, String> {
    let number = Identity::parse(&number(n)).map_err(|error| error.to_string())?;
    Ok(Person { key: number.key(secret), number, party, device })
}

impl Person {
    /// A report of a call with somebody else.
    pub fn reports(&self, other: &Self, role: Role, stage: Stage, attempt: &Attempt) -> Command {
        let report = Report {
            on_behalf_of: self.number.clone(),
            key: self.key,
            party: None,
            other: Other::Known { identity: other.number.clone(), key: other.key, party: None },
            role,
            stage,
            references: Vec::new(),
            attempt: Some(attempt.clone()),
            happened: None,
            reporter: Reporter::Device(self.device),
            devices: Vec::new(),
        };
        command(Actor::Device { device: self.device, party: self.party }, Ask::Notify(Box::new(report)))
    }
}
