//! A process that ends with the value that stands for it.
//!
//! Owns: spawn with a log file, signals by process id, the end.
//! Does not own: what the process is.
//! Invariant: only the process that was started here is ever signalled.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::{Error, eventually};

/// How much of a log an error repeats.
const DETAIL_BYTES: u64 = 2_000;

/// What can be sent to a process, by the `kill` command's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// End in good order.
    Terminate,
    /// PostgreSQL's immediate shutdown.
    Quit,
    /// Halt.
    Stop,
    /// Go on.
    Continue,
}

impl Signal {
    const fn flag(self) -> &'static str {
        match self {
            Self::Terminate => "-TERM",
            Self::Quit => "-QUIT",
            Self::Stop => "-STOP",
            Self::Continue => "-CONT",
        }
    }
}

/// A running process.
#[derive(Debug)]
pub(crate) struct Process {
    program: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program whose output goes to the end of `log`.
    pub(crate) fn spawn(program: &'static str, command: &mut Command, log: &Path) -> Result<Self, Error> {
        let out = OpenOptions::new().create(true).append(true).open(log).map_err(Error::file(log))?;
        let err = out.try_clone().map_err(Error::file(log))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(Error::file(command.get_program()))?;
        Ok(Self { program, child, log: log.to_owned() })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Fails, with the end of its log, if it has ended.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(Error::Failed {
                program: self.program,
                detail: format!("it ended with {status}; {}", tail(&self.log)),
            }),
            Err(source) => Err(Error::File { path: self.program.into(), source }),
        }
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Error> {
        let status = Command::new("kill")
            .args([signal.flag(), &self.id().to_string()])
            .status()
            .map_err(Error::file("kill"))?;
        if status.success() {
            Ok(())
        } else {
            Err(Error::Failed {
                program: self.program,
                detail: format!("kill {} was refused", signal.flag()),
            })
        }
    }

    /// Ends it in good order within the limit, and by force after it.
    pub(crate) async fn stop(&mut self, signal: Signal, limit: Duration) -> Result<(), Error> {
        if self.check().is_err() {
            return Ok(());
        }
        self.signal(signal)?;
        let child = &mut self.child;
        let ended = eventually("the end of a process", limit, async || child.try_wait().ok().flatten()).await;
        if ended.is_err() {
            self.kill();
        }
        Ok(())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a condition with a limit, in a drop, where no runtime may wait"
    )]
    /// Waits, without a runtime, until it has ended by itself; at most two seconds.
    pub(crate) fn wait_briefly(&mut self) {
        for _ in 0..400 {
            if self.child.try_wait().ok().flatten().is_some() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it by force.
    pub(crate) fn kill(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The end of a log, for an error.
pub(crate) fn tail(log: &Path) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(DETAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    };
    read().unwrap_or_else(|error| format!("its log cannot be read: {error}"))
}
