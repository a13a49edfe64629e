//! The writer: the one place where a realm's commands are decided.
//!
//! A command is admitted (has it been settled before?), what its decision reads is fetched, it is decided and the state
//! changed at once, its events go into the commit that is being collected, and its sender is answered when that commit is
//! durable. While an append is in flight, commands collect: the next commit takes them all.
//!
//! Owns: the state of the realm while this process leads, the order of commands, group commit, idempotency, deadlines,
//! stepping down and taking over.
//! Does not own: what a command leads to (`paravox_domain`), where commits are kept ([`paravox_domain::ports::Journal`]),
//! who leads ([`paravox_domain::ports::Lease`]).
//! Invariants: no answer before everything that it rests on is durable; the state is what a replay of the journal gives;
//! safety comes from the expected position alone, the lease only says who tries.
//! Time: stamps come from [`paravox_domain::ports::Clock`], and never go back; the runtime's clock serves limits and rests.

mod archive;
mod begin;
mod clock;
mod config;
mod follower;
mod handle;
mod leader;
mod lease;
mod memory;
mod meter;
mod replica;
mod rest;
mod writer;

pub use self::clock::SystemClock;
pub use self::config::WriterConfig;
pub use self::handle::{Status, WriterHandle};
pub use self::lease::AlwaysHeld;
pub use self::writer::{Seeds, Writer, WriterParts};
