//! Settings of the domain: every limit and window that a decision reads, with its default.
//!
//! Owns: names, units and defaults. Invariant 9 of the design: every bound has a name.
//! Does not own: where values come from (the program's configuration).
//! Invariant: only decisions read settings; evolution never does, so that a changed setting changes no past.

use crate::digest::SecretKey;
use crate::time::Span;

/// All that a decision reads besides the state and the command.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The key of the directory: identities are known under keyed digests.
    pub lookup_key: SecretKey,
    /// Registration.
    pub registration: RegistrationSettings,
    /// Calls and matching.
    pub call: CallSettings,
    /// Sessions.
    pub session: SessionSettings,
}

/// Limits of registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistrationSettings {
    /// How long a one-time code is good.
    pub code_lifetime: Span,
    /// Wrong codes before the registration is closed.
    pub tries_max: u32,
    /// Identities of one party.
    pub identities_max: usize,
    /// Devices of one party that are not revoked.
    pub devices_max: usize,
    /// Credential generations within this time of the last rotation may be asked for again: the answer was lost.
    pub rotation_grace: Span,
}

/// Windows and limits of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallSettings {
    /// How long one side waits for the other one, and how far apart the reports of one call may arrive.
    pub window: Span,
    /// How long a call that ended can still be meant by a late report.
    pub closing: Span,
    /// How much later than a report of a later stage an earlier stage may arrive and still belong to the same call.
    pub reorder: Span,
    /// The longest call: one whose end nobody reported is given up.
    pub longest: Span,
    /// Calls that may be open for one identity at a time.
    pub open_per_identity_max: usize,
}

/// Limits of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionSettings {
    /// How long a lost leg may take to come back.
    pub resume_grace: Span,
    /// How long a session that outlives its call may stay open.
    pub outlives_longest: Span,
    /// A text message, in bytes of UTF-8.
    pub text_bytes_max: usize,
    /// Text messages of one session.
    pub messages_max: u64,
}

impl Settings {
    /// The defaults, with this key.
    pub fn with_key(lookup_key: SecretKey) -> Self {
        Self {
            lookup_key,
            registration: RegistrationSettings::default(),
            call: CallSettings::default(),
            session: SessionSettings::default(),
        }
    }
}

impl Default for RegistrationSettings {
    fn default() -> Self {
        Self {
            code_lifetime: Span::seconds(600),
            tries_max: 5,
            identities_max: 16,
            devices_max: 16,
            rotation_grace: Span::seconds(60),
        }
    }
}

impl Default for CallSettings {
    fn default() -> Self {
        Self {
            window: Span::seconds(30),
            closing: Span::seconds(30),
            reorder: Span::seconds(10),
            longest: Span::seconds(4 * 3600),
            open_per_identity_max: 16,
        }
    }
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            resume_grace: Span::seconds(600),
            outlives_longest: Span::seconds(24 * 3600),
            text_bytes_max: 4096,
            messages_max: 100_000,
        }
    }
}
