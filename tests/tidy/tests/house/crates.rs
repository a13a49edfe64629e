//! The rules about crates: what each must say, and who may know whom.
//!
//! Owns: the layers (program → adapters and projections → domain).
//! Does not own: versions and licences (`deny.toml`).

use std::collections::{BTreeMap, BTreeSet};

use paravox_tidy::manifest::Manifest;
use paravox_tidy::repo::root;

use crate::{files, none};

/// What the domain may depend on: data, digests, errors. Nothing that has a clock, a thread or a socket.
const DOMAIN_MAY_USE: [&str; 6] = ["blake3", "bytes", "phonenumber", "serde", "serde_json", "thiserror"];

fn manifests() -> Vec<Manifest> {
    Manifest::all(&files()).expect("every Cargo.toml is well formed")
}

fn crates() -> Vec<Manifest> {
    manifests().into_iter().filter(|manifest| !manifest.folder.is_empty()).collect()
}

#[test]
fn every_crate_is_a_member_with_the_workspaces_lints_and_a_description() {
    let members = manifests().iter().find_map(Manifest::members).expect("the root is a workspace");
    let mut broken = Vec::new();
    for manifest in crates() {
        if !members.contains(&manifest.folder) {
            broken.push(format!("{}: not a member of the workspace", manifest.folder));
        }
        if !manifest.has_workspace_lints() {
            broken.push(format!("{}: no `[lints] workspace = true`", manifest.folder));
        }
        if !manifest.has_description() {
            broken.push(format!("{}: no description", manifest.folder));
        }
    }
    none("every crate", &broken);
}

#[test]
fn c2_the_top_level_is_as_prescribed() {
    let missing: Vec<_> = ["Cargo.toml", "domain", "adapters", "projections", "bin", "tests", "README.md"]
        .into_iter()
        .filter(|name| !root().join(name).exists())
        .map(str::to_owned)
        .collect();
    none("missing at the top level", &missing);
}

#[test]
fn i3_the_domain_depends_on_nothing_that_has_a_clock_a_thread_or_a_socket() {
    let domain =
        crates().into_iter().find(|manifest| manifest.folder == "domain").expect("there is a domain");
    let broken: Vec<_> =
        domain.dependencies().into_iter().filter(|name| !DOMAIN_MAY_USE.contains(&name.as_str())).collect();
    none("the domain may not depend on", &broken);
}

#[test]
fn an_adapter_knows_no_other_adapter_and_no_projection() {
    let crates = crates();
    let folder_of: BTreeMap<String, &str> = crates
        .iter()
        .map(|manifest| {
            let last = manifest.folder.rsplit('/').next().unwrap_or_default();
            (format!("paravox-{last}"), manifest.folder.as_str())
        })
        .collect();
    let layer = |folder: &str| folder.split('/').next().unwrap_or_default().to_owned();
    let mut broken = Vec::new();
    for manifest in &crates {
        let may_know: BTreeSet<&str> = match layer(&manifest.folder).as_str() {
            "domain" => BTreeSet::new(),
            "adapters" | "projections" => BTreeSet::from(["domain"]),
            _ => continue,
        };
        for dependency in manifest.dependencies() {
            let Some(known) = folder_of.get(&dependency) else { continue };
            if !may_know.contains(layer(known).as_str()) {
                broken.push(format!("{} depends on {known}", manifest.folder));
            }
        }
    }
    none("program → adapters and projections → domain, and nothing sideways", &broken);
}
