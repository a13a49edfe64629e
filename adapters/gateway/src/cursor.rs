//! Cursors: a place in a list, opaque to those who hold it.
//!
//! Owns: their text and its check. A cursor belongs to one list of one party; any other one is refused.
//! Does not own: places (`ports::query`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use paravox_domain::commit::Position;
use paravox_domain::digest::{Digest, SecretKey};
use paravox_domain::ports::query::Place;

const PLACE_BYTES: usize = 12;
const MAC_BYTES: usize = 12;

/// The text of a place in a list. `list` names the list and whose it is.
pub(crate) fn text(key: &SecretKey, list: &str, place: Place) -> String {
    let mut bytes = [0; PLACE_BYTES + MAC_BYTES];
    bytes[..8].copy_from_slice(&place.position.0.to_be_bytes());
    bytes[8..PLACE_BYTES].copy_from_slice(&place.index.to_be_bytes());
    let mac = mac(key, list, &bytes[..PLACE_BYTES]);
    bytes[PLACE_BYTES..].copy_from_slice(&mac);
    BASE64URL.encode(bytes)
}

/// The place that a text names; `None` unless it was given out for this list.
pub(crate) fn parse(key: &SecretKey, list: &str, text: &str) -> Option<Place> {
    let bytes: [u8; PLACE_BYTES + MAC_BYTES] = BASE64URL.decode(text).ok()?.try_into().ok()?;
    let (place, presented) = bytes.split_at(PLACE_BYTES);
    if mac(key, list, place) != presented {
        return None;
    }
    let position = Position(u64::from_be_bytes(place[..8].try_into().ok()?));
    Some(Place { position, index: u32::from_be_bytes(place[8..].try_into().ok()?) })
}

fn mac(key: &SecretKey, list: &str, place: &[u8]) -> [u8; MAC_BYTES] {
    let mut input = place.to_vec();
    input.extend_from_slice(list.as_bytes());
    let mut mac = [0; MAC_BYTES];
    mac.copy_from_slice(&Digest::keyed(key, &input).0[..MAC_BYTES]);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a1_a_cursor_belongs_to_one_list_and_cannot_be_made_up() {
        let key = SecretKey([1; 32]);
        let place = Place { position: Position(7), index: 3 };
        let cursor = text(&key, "calls pty_1", place);
        assert_eq!(parse(&key, "calls pty_1", &cursor), Some(place));
        assert_eq!(parse(&key, "calls pty_2", &cursor), None);
        assert_eq!(parse(&key, "sessions pty_1", &cursor), None);
        assert_eq!(parse(&SecretKey([2; 32]), "calls pty_1", &cursor), None);
        for bent in ["", "AAAA", &cursor[1..], &format!("{cursor}A"), "../../etc"] {
            assert_eq!(parse(&key, "calls pty_1", bent), None);
        }
    }
}
