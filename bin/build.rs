//! Embeds the pages of the error codes, so that `paravox explain` needs no files.

use std::fmt::Write as _;
use std::path::PathBuf;

fn main() {
    let pages =
        PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../docs/errors");
    println!("cargo:rerun-if-changed={}", pages.display());
    let mut names: Vec<String> = std::fs::read_dir(&pages)
        .expect("docs/errors exists")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| Some(name.strip_suffix(".md")?.to_owned()))
        .filter(|name| name.starts_with("PVX-"))
        .collect();
    names.sort();
    let mut code = String::from("pub(super) const PAGES: &[(&str, &str)] = &[\n");
    for name in names {
        let page = pages.join(format!("{name}.md"));
        writeln!(code, "    ({name:?}, include_str!({:?})),", page.display().to_string()).expect("memory");
    }
    code.push_str("];\n");
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets it")).join("error_pages.rs");
    std::fs::write(out, code).expect("the build folder takes files");
}
