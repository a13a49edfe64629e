//! Tickets: what a browser, which cannot set headers on a WebSocket, presents instead of an access token.
//!
//! Owns: the form (`pvt1.<key>.<device>.<party>.<connection>.<good until>.<token's end>.<mac>`) and the derivation.
//! Does not own: that a ticket is used once. The connection that it names is opened by a command whose id is derived from
//! the ticket: a second use is a replay, which the writer tells, whichever gateway it comes to.
//! Time: instants come in with each call; in the ticket they are microseconds.

use paravox_domain::digest::Digest;
use paravox_domain::id::{ConnectionId, DeviceId, PartyId};
use paravox_domain::time::Instant;

use super::{Credentials, same};

const FORM: &str = "pvt1";

/// What a ticket lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The device.
    pub device: DeviceId,
    /// Its party.
    pub party: PartyId,
    /// The connection that it opens.
    pub connection: ConnectionId,
    /// Until when it can be used.
    pub until: Instant,
    /// When the access token ends for which it was given: the connection ends with it.
    pub expires: Instant,
}

/// The text is no ticket of this server, or too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ticket is not good (any more): get another one")]
pub struct TicketError;

impl Credentials {
    /// A ticket as text. Every character may stand in a WebSocket's subprotocol.
    pub fn ticket(&self, ticket: &Ticket) -> String {
        let key = self.newest();
        let Ticket { device, party, connection, until, expires } = ticket;
        let content = format!(
            "{FORM}.{}.{device}.{party}.{connection}.{}.{}",
            key.kid,
            until.micros(),
            expires.micros()
        );
        let mac = Digest::keyed(&key.tickets, content.as_bytes());
        format!("{content}.{mac}")
    }

    /// Reads a ticket.
    pub fn check_ticket(&self, text: &str, now: Instant) -> Result<Ticket, TicketError> {
        let (content, presented) = text.rsplit_once('.').ok_or(TicketError)?;
        let pieces: Vec<&str> = content.splitn(8, '.').collect();
        let [FORM, kid, device, party, connection, until, expires] = pieces[..] else {
            return Err(TicketError);
        };
        let key = self.key(kid).ok_or(TicketError)?;
        let presented: Digest = presented.parse().map_err(|_| TicketError)?;
        if !same(&Digest::keyed(&key.tickets, content.as_bytes()).0, &presented.0) {
            return Err(TicketError);
        }
        let ticket = Ticket {
            device: device.parse().map_err(|_| TicketError)?,
            party: party.parse().map_err(|_| TicketError)?,
            connection: connection.parse().map_err(|_| TicketError)?,
            until: Instant(until.parse().map_err(|_| TicketError)?),
            expires: Instant(expires.parse().map_err(|_| TicketError)?),
        };
        if now < ticket.until && now < ticket.expires { Ok(ticket) } else { Err(TicketError) }
    }
}

#[cfg(test)]
mod tests {
    use paravox_domain::digest::SecretKey;
    use paravox_domain::id::Id as _;

    use super::*;
    use crate::credentials::CredentialKey;

    #[test]
    fn a7_a_ticket_is_good_for_its_time_and_cannot_be_bent() {
        let key = CredentialKey { kid: "k1".to_owned(), secret: SecretKey([9; 32]) };
        let ring = Credentials::new("i", "a", vec![key]).unwrap();
        let ticket = Ticket {
            device: DeviceId::from_bits(1),
            party: PartyId::from_bits(2),
            connection: ConnectionId::from_bits(3),
            until: Instant(30),
            expires: Instant(900),
        };
        let text = ring.ticket(&ticket);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)));
        assert_eq!(ring.check_ticket(&text, Instant(29)), Ok(ticket));
        assert_eq!(ring.check_ticket(&text, Instant(30)), Err(TicketError));
        assert_eq!(ring.check_ticket(&text.replace(".30.", ".3000."), Instant(29)), Err(TicketError));
        assert_eq!(ring.check_ticket("", Instant(0)), Err(TicketError));
    }
}
