//! The one encoding of a commit: three lines of UTF-8.
//!
//! ```text
//! paravox-commit 1 <digest of all that follows>
//! {"realm":…,"position":…,…}                      the header
//! {"settles":[…],"events":[…]}                    the body
//! ```
//!
//! Owns: the frame, its format version, and the check that its bytes are those that were written.
//! Does not own: the order of commits (`chain`).
//! Invariant: what [`CommitBuilder::seal`] wrote, [`EncodedCommit::parse`] and [`EncodedCommit::decode`] read back.

use bytes::Bytes;

use super::{Commit, Header, Position, Recorded, Settled};
use crate::digest::Digest;
use crate::id::CommitId;
use crate::stored::{StoredBody, StoredRecorded, StoredSettled};

const MAGIC: &str = "paravox-commit ";
const FORMAT: u32 = 1;
/// Magic, format digit, space, digest, newline.
const FIRST_LINE_BYTES: usize = MAGIC.len() + 2 + 64 + 1;

/// The largest commit in bytes. Below the smallest payload limit of the journals (1 MiB: the default of nats-server),
/// with room for headers.
pub const COMMIT_BYTES_MAX: usize = 960 * 1024;

/// Why bytes are not a commit that Paravox wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Corrupt {
    /// The first line is not `paravox-commit`, a format and a digest.
    #[error("the bytes do not begin with the line of a commit")]
    NotACommit,
    /// The format is one of a later program.
    #[error("the commit has format {found}; this program reads up to {FORMAT}")]
    LaterFormat {
        /// The format that was found.
        found: u32,
    },
    /// The bytes are not those that were written.
    #[error("the commit's bytes were changed: they have the digest {found}, and {expected} was written")]
    Changed {
        /// The digest in the first line.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// The digest is right, but the content is not what this program knows.
    #[error("the commit's {part} cannot be read: {detail}")]
    Content {
        /// `header` or `body`.
        part: &'static str,
        /// Where and why. Holds no value of an event.
        detail: String,
    },
}

/// A commit as bytes, checked and with its header read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedCommit {
    header: Header,
    digest: Digest,
    body_at: usize,
    bytes: Bytes,
}

impl EncodedCommit {
    /// Checks the frame and the digest, and reads the header. The body is left for [`Self::decode`].
    pub fn parse(bytes: Bytes) -> Result<Self, Corrupt> {
        let first = bytes.get(..FIRST_LINE_BYTES).ok_or(Corrupt::NotACommit)?;
        let line = std::str::from_utf8(first).map_err(|_| Corrupt::NotACommit)?;
        let rest =
            line.strip_prefix(MAGIC).and_then(|rest| rest.strip_suffix('\n')).ok_or(Corrupt::NotACommit)?;
        let (format, digest) = rest.split_once(' ').ok_or(Corrupt::NotACommit)?;
        match format.parse::<u32>() {
            Ok(FORMAT) => {}
            Ok(found) => return Err(Corrupt::LaterFormat { found }),
            Err(_) => return Err(Corrupt::NotACommit),
        }
        let expected = digest.parse().map_err(|_| Corrupt::NotACommit)?;
        let found = Digest::of(&bytes[FIRST_LINE_BYTES..]);
        if found != expected {
            return Err(Corrupt::Changed { expected, found });
        }
        let header_end = bytes[FIRST_LINE_BYTES..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map(|at| at + FIRST_LINE_BYTES)
            .ok_or(Corrupt::NotACommit)?;
        let header = serde_json::from_slice(&bytes[FIRST_LINE_BYTES..header_end])
            .map_err(|error| unreadable("header", &error))?;
        Ok(Self { header, digest: found, body_at: header_end + 1, bytes })
    }

    /// Reads the body as well, lifting events of every version to today's.
    pub fn decode(&self) -> Result<Commit, Corrupt> {
        let body: StoredBody<'_> = serde_json::from_slice(&self.bytes[self.body_at..])
            .map_err(|error| unreadable("body", &error))?;
        let (settles, events) = body.lift().map_err(|error| unreadable("body", &error))?;
        Ok(Commit { header: self.header.clone(), digest: self.digest, settles, events })
    }

    /// The header.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The commit's number.
    pub const fn position(&self) -> Position {
        self.header.position
    }

    /// The commit's own id.
    pub const fn id(&self) -> CommitId {
        self.header.commit
    }

    /// The digest of header and body: what the next commit names as its predecessor.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// All bytes, as a journal keeps them.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// Says where the content is wrong, without repeating any of it.
fn unreadable(part: &'static str, error: &serde_json::Error) -> Corrupt {
    let kind = match error.classify() {
        serde_json::error::Category::Data => "a value has another form than expected",
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "it is not JSON",
    };
    Corrupt::Content { part, detail: format!("{kind}, at line {} column {}", error.line(), error.column()) }
}

/// Collects the settled commands and events of a commit, already encoded, until it is sealed.
///
/// Encoding happens as commands are decided, so that the size is known before the commit is closed.
#[derive(Debug, Default)]
pub struct CommitBuilder {
    settles: Vec<u8>,
    events: Vec<u8>,
    settled_count: u32,
    event_count: u32,
}

impl CommitBuilder {
    /// An empty commit.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a settled command and returns its index, for the `cause` of its events.
    pub fn settle(&mut self, settled: &Settled) -> u32 {
        push_json(&mut self.settles, &StoredSettled::of(settled));
        self.settled_count += 1;
        self.settled_count - 1
    }

    /// Adds an event.
    pub fn record(&mut self, recorded: &Recorded) {
        push_json(&mut self.events, &StoredRecorded::of(recorded));
        self.event_count += 1;
    }

    /// Whether nothing was added.
    pub const fn is_empty(&self) -> bool {
        self.settled_count == 0 && self.event_count == 0
    }

    /// The number of events.
    pub const fn events(&self) -> u32 {
        self.event_count
    }

    /// The index that the next settled command will have.
    pub const fn next_cause(&self) -> u32 {
        self.settled_count
    }

    /// The size that the sealed commit will have, at most, in bytes.
    pub fn bytes(&self) -> usize {
        const ENVELOPE_BYTES_MAX: usize = 1024;
        self.settles.len() + self.events.len() + ENVELOPE_BYTES_MAX
    }

    /// Closes the commit under this header and leaves the builder empty.
    pub fn seal(&mut self, header: &Header) -> EncodedCommit {
        let mut bytes = Vec::with_capacity(self.bytes());
        bytes.resize(FIRST_LINE_BYTES, b' ');
        write_json(&mut bytes, header);
        bytes.push(b'\n');
        let body_at = bytes.len();
        bytes.extend_from_slice(b"{\"settles\":[");
        bytes.append(&mut self.settles);
        bytes.extend_from_slice(b"],\"events\":[");
        bytes.append(&mut self.events);
        bytes.extend_from_slice(b"]}");
        self.settled_count = 0;
        self.event_count = 0;

        let digest = Digest::of(&bytes[FIRST_LINE_BYTES..]);
        let (first, _) = bytes.split_at_mut(FIRST_LINE_BYTES);
        first[..MAGIC.len()].copy_from_slice(MAGIC.as_bytes());
        first[MAGIC.len()] = b'0' + FORMAT as u8;
        first[MAGIC.len() + 2..FIRST_LINE_BYTES - 1].copy_from_slice(&digest.hex());
        first[FIRST_LINE_BYTES - 1] = b'\n';
        EncodedCommit { header: header.clone(), digest, body_at, bytes: Bytes::from(bytes) }
    }
}

fn push_json<T: serde::Serialize>(buffer: &mut Vec<u8>, value: &T) {
    if !buffer.is_empty() {
        buffer.push(b',');
    }
    write_json(buffer, value);
}

/// Writes JSON into memory. The stored twins have string keys and no fallible serializer, so this cannot fail; the
/// golden tests write every one of them.
fn write_json<T: serde::Serialize>(buffer: &mut Vec<u8>, value: &T) {
    if let Err(error) = serde_json::to_writer(buffer, value) {
        unreachable!("a stored twin is always JSON: {error}");
    }
}
