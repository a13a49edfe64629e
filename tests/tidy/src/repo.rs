//! The repository's own text files.
//!
//! Owns: which files count as the repository's (no build output, nothing hidden but `.ci`), and their text.
//! Invariant: paths are relative to the root, with `/`, in order; so every finding reads the same on every machine.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// Folders that hold nothing written by hand.
const SKIPPED: [&str; 4] = ["target", "node_modules", "paravox-data", "fuzz-corpus"];

/// The endings of files that are text to be checked.
const TEXT: [&str; 14] =
    ["rs", "toml", "md", "sql", "sh", "py", "json", "yml", "yaml", "js", "ts", "html", "css", "txt"];

/// Why the repository could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {cause}")]
pub struct Unreadable {
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub cause: io::Error,
}

/// One text file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextFile {
    /// Path from the root, with `/`.
    pub path: String,
    /// All of it.
    pub text: String,
}

impl TextFile {
    /// The part of the name after the last dot; empty where there is none.
    pub fn ending(&self) -> &str {
        Path::new(&self.path).extension().and_then(|ending| ending.to_str()).unwrap_or_default()
    }

    /// The lines, each with its number from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// The root of the repository that this crate was built in.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// All text files under a root, in the order of their paths.
pub fn text_files(root: &Path) -> Result<Vec<TextFile>, Unreadable> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let unreadable = |cause| Unreadable { path: folder.clone(), cause };
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = entry.path();
            let kind = entry.file_type().map_err(unreadable)?;
            if kind.is_dir() {
                let hidden = name.starts_with('.') && name != ".ci";
                if !hidden && !SKIPPED.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if kind.is_file() && is_text(&path, &name) {
                let text = match fs::read_to_string(&path) {
                    Ok(text) => text,
                    // Removed since the folder was listed: no longer a file of the repository.
                    Err(cause) if cause.kind() == io::ErrorKind::NotFound => continue,
                    Err(cause) => return Err(Unreadable { path, cause }),
                };
                files.push(TextFile { path: relative(root, &path), text });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Whether a file is written by people: by its ending, or a script named `run`. `Cargo.lock` and the like are not.
fn is_text(path: &Path, name: &str) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    (TEXT.contains(&ending) || name == "run") && name != "package-lock.json"
}

/// The path from the root, with `/` on every system.
fn relative(root: &Path, path: &Path) -> String {
    let path = path.strip_prefix(root).unwrap_or(path);
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_holds_this_file_and_no_build_output() {
        let files = text_files(&root()).unwrap();
        assert!(files.iter().any(|file| file.path == "tests/tidy/src/repo.rs"));
        assert!(files.iter().any(|file| file.path == ".ci/run"));
        assert!(files.iter().all(|file| !file.path.starts_with("target/")));
        assert!(files.is_sorted_by(|a, b| a.path < b.path));
    }
}
