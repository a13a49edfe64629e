//! Matching in random worlds: never the wrong two, nearly always the right two (invariant 6).
//!
//! A few worlds of each kind; `cargo run --release -p paravox-domain --example worlds` plays thousands.

use crate::worlds::{Kind, Tally, run};

fn tally(kind: Kind) -> Tally {
    let mut tally = Tally::default();
    for seed in 0..40 {
        tally += run(seed, kind);
    }
    tally
}

#[test]
fn i6_with_times_nobody_is_joined_wrong_and_nearly_everybody_right() {
    let tally = tally(Kind::Timed);
    assert_eq!(tally.joined_wrong, 0, "{tally:?}");
    assert!(tally.right() >= 0.999, "{tally:?}");
}

#[test]
fn i6_with_named_attempts_nobody_is_joined_wrong_and_nearly_everybody_right() {
    let tally = tally(Kind::Named);
    assert_eq!(tally.joined_wrong, 0, "{tally:?}");
    assert!(tally.right() >= 0.999, "{tally:?}");
}

#[test]
fn i6_with_several_devices_each_nobody_is_joined_wrong_and_nearly_everybody_right() {
    let tally = tally(Kind::Crowded);
    assert_eq!(tally.joined_wrong, 0, "{tally:?}");
    assert!(tally.right() >= 0.999, "{tally:?}");
}

#[test]
fn i7_a_liar_gets_into_no_session_and_keeps_nobody_else_from_theirs() {
    let tally = tally(Kind::Liars);
    assert_eq!(tally.joined_wrong, 0, "{tally:?}");
    assert!(tally.right() >= 0.999, "{tally:?}");
}

/// Without times and names, half a minute of silence can hide the end of one call and the beginning of the next: the
/// people are the right ones even then, the call may be the one before.
#[test]
fn i6_without_times_and_names_the_order_in_which_a_device_sends_suffices_nearly_always() {
    let tally = tally(Kind::Bare);
    assert!(tally.joined_wrong * 500 <= tally.joined, "{tally:?}");
    assert!(tally.right() >= 0.995, "{tally:?}");
}
