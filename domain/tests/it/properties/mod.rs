//! Properties: what holds whatever anybody asks, in whatever order.

mod commands;
mod commit_format;
mod events;
mod histories;
