//! Properties: what holds whatever anybody asks, in whatever order.

mod commands;
mod commit_format;
pub(crate) mod events;
mod histories;
