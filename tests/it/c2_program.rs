//! The program as a person or a script meets it: commands, exit codes, JSON.

use std::process::{Command, Output};

use serde_json::Value;

fn paravox(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_paravox")).args(arguments).env_remove("PARAVOX_CONFIG").output().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn c2_the_demo_passes_and_its_last_line_says_which_rows_it_showed() {
    let output = paravox(&["demo", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let last = lines(&output).pop().unwrap();
    assert_eq!(last["demo"], "passed");
    let rows: Vec<&str> = last["rows"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for row in ["S01", "S12", "S15"] {
        assert!(rows.contains(&row), "{rows:?}");
    }
}

#[test]
fn an_error_code_is_explained_and_an_unknown_one_is_not_found() {
    let output = paravox(&["explain", "PVX-1201"]);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("PVX-1201"));
    assert_eq!(paravox(&["explain", "PVX-9999"]).status.code(), Some(3));
}

#[test]
fn a_wrong_configuration_ends_with_exit_code_5_and_one_clear_line() {
    let output = paravox(&["config", "check", "--set", "calls.windwo_s=3"]);
    assert_eq!(output.status.code(), Some(5));
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(message.trim_end().lines().count(), 1, "{message}");
    assert!(message.contains("did you mean `calls.window_s`"), "{message}");
}

#[test]
fn wrong_usage_ends_with_exit_code_2() {
    assert_eq!(paravox(&["serv"]).status.code(), Some(2));
    assert_eq!(paravox(&["bench", "calls", "--rate", "fast"]).status.code(), Some(2));
}

#[test]
fn a_dependency_that_does_not_answer_ends_with_exit_code_6() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let keys = folder.path().join("keys").display().to_string();
    assert!(paravox(&["key", "init", &keys]).status.success());
    let output = paravox(&[
        "serve",
        "--data",
        &data,
        "--set",
        "nats.url=nats://127.0.0.1:9",
        "--listen",
        "127.0.0.1:0",
    ]);
    assert_eq!(output.status.code(), Some(6), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_memory_benchmark_prints_its_line() {
    let output = paravox(&["bench", "memory", "--sessions", "500", "--json"]);
    let line = lines(&output).pop().unwrap();
    assert_eq!(line["bench"], "memory");
    assert_eq!(line["sessions"], 500);
    assert!(line["bytes_per_open_session"].as_u64().is_some_and(|bytes| bytes > 0), "{line}");
}

#[test]
fn c1_the_table_of_configuration_in_the_readme_is_the_programs_own() {
    let output = paravox(&["config", "schema", "--table"]);
    let table = String::from_utf8(output.stdout).unwrap();
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
    let begin = readme.find("<!-- configuration: begin").expect("a mark where the table begins");
    let section = &readme[begin..readme.find("<!-- configuration: end").expect("a mark where it ends")];
    for line in table.lines() {
        assert!(section.contains(line), "README.md lacks (paravox config schema --table prints it):\n{line}");
    }
}
