//! What can go wrong for a phone.

use std::time::Duration;

/// Why a phone could not do what its script says.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server refused: its problem document.
    #[error("{status}: {problem}")]
    Refused {
        /// The status.
        status: u16,
        /// The problem document (RFC 9457).
        problem: serde_json::Value,
    },
    /// The server did not answer.
    #[error("no answer: {0}")]
    NoAnswer(#[from] reqwest::Error),
    /// The feed's connection failed.
    #[error("the feed's connection failed: {0}")]
    Feed(#[from] Box<tokio_tungstenite::tungstenite::Error>),
    /// The feed was closed by the server.
    #[error("the server closed the feed: {code} {reason}")]
    Closed {
        /// The close code; 1006 if the connection ended without one.
        code: u16,
        /// The reason.
        reason: String,
    },
    /// What was waited for did not come.
    #[error("waited {limit:?} for {what}")]
    Late {
        /// What was waited for.
        what: String,
        /// For how long.
        limit: Duration,
    },
    /// An answer had another form than the documented one.
    #[error("the answer has no `{missing}`: {answer}")]
    Form {
        /// What is missing.
        missing: String,
        /// The answer.
        answer: serde_json::Value,
    },
}

impl Error {
    /// The code of the problem document, if the server refused.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { problem, .. } => problem.get("code")?.as_str(),
            _ => None,
        }
    }

    /// The status, if the server refused.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }
}
