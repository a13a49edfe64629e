//! The manifests: which crates the workspace has, and what each depends on.
//!
//! Owns: reading `Cargo.toml` as a table.
//! Does not own: cargo's resolution; a dependency is what the manifest names.

use std::collections::BTreeSet;

use crate::repo::TextFile;

/// One crate's manifest.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The folder from the root (`adapters/journal`); empty for the workspace's own.
    pub folder: String,
    table: toml::Table,
}

impl Manifest {
    /// All manifests among the files.
    pub fn all(files: &[TextFile]) -> Result<Vec<Self>, toml::de::Error> {
        files
            .iter()
            .filter(|file| file.path == "Cargo.toml" || file.path.ends_with("/Cargo.toml"))
            .map(|file| {
                let folder = file.path.trim_end_matches("Cargo.toml").trim_end_matches('/').to_owned();
                file.text.parse().map(|table| Self { folder, table })
            })
            .collect()
    }

    /// The folders of the members that a workspace manifest lists; `None` for a crate's.
    pub fn members(&self) -> Option<BTreeSet<String>> {
        let members = self.table.get("workspace")?.get("members")?.as_array()?;
        Some(members.iter().filter_map(|member| member.as_str().map(str::to_owned)).collect())
    }

    /// Whether the crate takes over the workspace's lints.
    pub fn has_workspace_lints(&self) -> bool {
        let lints = self.table.get("lints").and_then(|lints| lints.get("workspace"));
        lints.and_then(toml::Value::as_bool) == Some(true)
    }

    /// Whether the crate says in a sentence what it is.
    pub fn has_description(&self) -> bool {
        let description = self.table.get("package").and_then(|package| package.get("description"));
        description.and_then(toml::Value::as_str).is_some_and(|text| !text.trim().is_empty())
    }

    /// The names of the dependencies of the program itself (not of its tests), for every platform.
    pub fn dependencies(&self) -> BTreeSet<String> {
        let names = |table: &toml::Table| -> Vec<String> {
            ["dependencies", "build-dependencies"]
                .iter()
                .filter_map(|kind| table.get(*kind)?.as_table())
                .flat_map(|dependencies| dependencies.keys().cloned())
                .collect()
        };
        let mut all: BTreeSet<_> = names(&self.table).into_iter().collect();
        if let Some(targets) = self.table.get("target").and_then(toml::Value::as_table) {
            all.extend(targets.values().filter_map(toml::Value::as_table).flat_map(names));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_those_of_the_program_on_every_platform() {
        let text = "
            [package]
            name = \"x\"
            description = \"What it is\"
            [dependencies]
            a = \"1\"
            [dev-dependencies]
            b = \"1\"
            [target.'cfg(unix)'.dependencies]
            c = \"1\"
            [lints]
            workspace = true
        ";
        let files = [TextFile { path: "x/Cargo.toml".to_owned(), text: text.to_owned() }];
        let manifests = Manifest::all(&files).unwrap();
        assert_eq!(manifests.len(), 1);
        assert_eq!(manifests[0].folder, "x");
        assert_eq!(manifests[0].dependencies(), BTreeSet::from(["a".to_owned(), "c".to_owned()]));
        assert!(manifests[0].has_workspace_lints());
        assert!(manifests[0].has_description());
        assert_eq!(manifests[0].members(), None);
    }
}
