//! The domain's rules, one file for each kind of behaviour.

mod support;

mod ambiguity;
mod calls;
mod deadlines;
mod feed_items;
mod golden;
mod matching_worlds;
mod properties;
mod registration;
mod residency;
mod sessions;
mod worlds;
