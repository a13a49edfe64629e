//! Exit codes: how a command ended, for scripts.

use std::process::ExitCode;

/// Why a command failed. Each kind has an exit code of its own.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It was tried, and failed.
    #[error("{0}")]
    Failed(String),
    /// What was asked for does not exist.
    #[error("{0}")]
    NotFound(String),
    /// A check did not hold: an audit, a replay, a benchmark below what was asked.
    #[error("{0}")]
    CheckFailed(String),
    /// The configuration is wrong.
    #[error("configuration: {0}")]
    Configuration(String),
    /// Something that is needed does not answer.
    #[error("{0}")]
    Dependency(String),
    /// The data are of another version of the program.
    #[error("{0}")]
    OtherVersion(String),
    /// Not allowed.
    #[error("{0}")]
    NotAllowed(String),
    /// Ended by a signal.
    #[error("ended by signal {0}")]
    Signal(u8),
}

impl Failure {
    /// The exit code.
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::NotFound(_) => 3,
            Self::CheckFailed(_) => 4,
            Self::Configuration(_) => 5,
            Self::Dependency(_) => 6,
            Self::OtherVersion(_) => 7,
            Self::NotAllowed(_) => 8,
            Self::Signal(number) => 128_u8.saturating_add(*number),
        })
    }

    /// A failure for any other reason.
    pub fn failed(reason: impl std::fmt::Display) -> Self {
        Self::Failed(reason.to_string())
    }
}
