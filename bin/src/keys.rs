//! Secret keys: files of 32 random bytes in hexadecimal, readable by their owner only.
//!
//! Owns: the folder (`realm.key`: what look-up keys and one-time codes are derived from; `signing-<n>.key`: what tokens
//! are signed with, the highest number first), and keys of automated systems.
//! Does not own: what is derived from a key.
//! Invariant: no key is ever printed, but a service key once, when it is made.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use paravox_domain::digest::{Digest, SecretKey};
use rand::RngCore as _;

use crate::exit::Failure;

const REALM: &str = "realm.key";

/// The keys of a realm.
#[derive(Clone, Debug)]
pub struct Keys {
    /// What look-up keys and one-time codes are derived from.
    pub realm: SecretKey,
    /// What tokens are signed with: number and key, newest first.
    pub signing: Vec<(u32, SecretKey)>,
}

/// 128 random bits from the operating system's generator, spread by a fast one that it seeds.
pub fn random() -> u128 {
    let mut bytes = [0; 16];
    rand::rng().fill_bytes(&mut bytes);
    u128::from_be_bytes(bytes)
}

fn random_key() -> SecretKey {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    SecretKey(bytes)
}

/// Whether a folder has a realm's keys.
pub fn exist(directory: &Path) -> bool {
    directory.join(REALM).exists()
}

/// Makes a realm's keys in a folder that has none.
pub fn init(directory: &Path) -> Result<Keys, Failure> {
    if exist(directory) {
        return Err(Failure::failed(format!(
            "{} has keys already; nothing was changed",
            directory.display()
        )));
    }
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| Failure::failed(format!("{}: {error}", directory.display())))?;
    let keys = Keys { realm: random_key(), signing: vec![(1, random_key())] };
    for (number, key) in &keys.signing {
        write(&directory.join(signing_name(*number)), key)?;
    }
    write(&directory.join(REALM), &keys.realm)?;
    Ok(keys)
}

/// Reads the keys of a folder.
pub fn read(directory: &Path) -> Result<Keys, Failure> {
    let realm = read_key(&directory.join(REALM))?;
    let mut signing = Vec::new();
    let entries = std::fs::read_dir(directory)
        .map_err(|error| Failure::Configuration(format!("{}: {error}", directory.display())))?;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_prefix("signing-")?.strip_suffix(".key"))
            .and_then(|number| number.parse::<u32>().ok());
        if let Some(number) = number {
            signing.push((number, read_key(&entry.path())?));
        }
    }
    signing.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    if signing.is_empty() {
        return Err(Failure::Configuration(format!("{} has no signing key", directory.display())));
    }
    Ok(Keys { realm, signing })
}

/// Adds a signing key, and returns its number.
pub fn rotate(directory: &Path) -> Result<u32, Failure> {
    let number = read(directory)?.signing.first().map_or(1, |(newest, _)| newest + 1);
    write(&directory.join(signing_name(number)), &random_key())?;
    Ok(number)
}

/// A new service key and its digest.
pub fn service_key() -> (String, String) {
    let key = format!("pvs_{}", Digest(random_key().0));
    let digest = Digest::of(key.as_bytes()).to_string();
    (key, digest)
}

fn signing_name(number: u32) -> String {
    format!("signing-{number}.key")
}

fn write(path: &Path, key: &SecretKey) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("{}: {error}", path.display()));
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    writeln!(file, "{}", Digest(key.0)).and_then(|()| file.sync_all()).map_err(failed)
}

fn read_key(path: &Path) -> Result<SecretKey, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Configuration(format!("{}: {error}", path.display())))?;
    let digest: Digest = text.trim().parse().map_err(|_| {
        Failure::Configuration(format!("{}: a key is 64 lower-case hexadecimal digits", path.display()))
    })?;
    Ok(SecretKey(digest.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_read_back_and_rotated() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("keys");
        let made = init(&directory).unwrap();
        assert!(init(&directory).is_err(), "a second init would lock everybody out");
        assert_eq!(read(&directory).unwrap().realm, made.realm);
        assert_eq!(rotate(&directory).unwrap(), 2);
        let read = read(&directory).unwrap();
        assert_eq!(read.signing.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(read.signing[1].1, made.signing[0].1);
    }

    #[test]
    fn keys_are_readable_by_their_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("keys");
        init(&directory).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&directory), 0o700);
        assert_eq!(mode(&directory.join(REALM)), 0o600);
    }

    #[test]
    fn a_service_key_is_known_by_its_digest() {
        let (key, digest) = service_key();
        assert_eq!(Digest::of(key.as_bytes()).to_string(), digest);
        assert_ne!(service_key().0, key);
    }
}
