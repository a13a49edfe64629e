//! The one error of the harness.
//!
//! Owns: what went wrong, in words that name the cure where there is one.

use std::path::PathBuf;
use std::time::Duration;

/// Why a server could not be found, started or steered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No program of this name was found.
    #[error("{program} was not found; install it, or name it in {variable}")]
    NotFound {
        /// The program.
        program: &'static str,
        /// The environment variable that may name it.
        variable: &'static str,
    },
    /// The program is older than what Paravox supports.
    #[error("{program} has version {found}; at least {floor} is needed")]
    TooOld {
        /// The program.
        program: &'static str,
        /// Its version.
        found: String,
        /// The lowest supported version.
        floor: &'static str,
    },
    /// A program ended or refused its configuration.
    #[error("{program} did not run: {detail}")]
    Failed {
        /// The program.
        program: &'static str,
        /// The end of what it printed.
        detail: String,
    },
    /// A condition did not come true.
    #[error("{what} did not happen within {limit:?}")]
    Late {
        /// What was waited for.
        what: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// A file or process operation failed.
    #[error("{path}: {source}")]
    File {
        /// The file or program.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The network of this machine refused something.
    #[error("loopback network: {0}")]
    Network(#[from] std::io::Error),
    /// The database server refused something.
    #[error("PostgreSQL: {0}")]
    Postgres(#[from] sqlx::Error),
}

impl Error {
    /// A failed operation on this file.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
