//! Worlds: random people who call each other, whose reports are late, reordered, repeated and lost. The model knows the
//! truth; the matcher sees the reports only (matching.md, "Worlds").
//!
//! Owns: the course of a world from a seed, and the tally of what the matcher made of it.
//! Invariant: a seed gives the same world on every machine.

pub(crate) mod chance;
pub(crate) mod course;
pub(crate) mod referee;

use self::chance::Chance;
pub(crate) use self::course::Kind;
pub(crate) use self::referee::Tally;

/// Runs one world and tallies it, while somebody looks on.
pub(crate) fn watch(seed: u64, kind: Kind, watch: referee::Watch<'_>) -> Tally {
    let course = course::Course::of(kind, &mut Chance::new(seed));
    referee::judge(&course, watch)
}

/// Runs one world and tallies it.
pub(crate) fn run(seed: u64, kind: Kind) -> Tally {
    watch(seed, kind, &mut |_, _, _| {})
}
