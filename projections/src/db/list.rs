//! Statements for the rows of a list of keys.
//!
//! Owns: `IN (…)` in a few fixed sizes, so that a connection's statement cache holds them all; a short list is filled up
//! with its last key.

use std::sync::Arc;

use sqlx::AnyConnection;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::marks::Marks;
use super::{Args, DbError};

/// The numbers of keys for which there is a statement, smallest first.
const SIZES: [usize; 4] = [1, 8, 64, 256];

/// A `SELECT` or `DELETE` by a list of keys.
pub(crate) struct ListSelect {
    numbered: [Arc<str>; SIZES.len()],
    plain: [Arc<str>; SIZES.len()],
}

impl ListSelect {
    /// A statement with `{}` where the list's placeholders go: they are its only ones.
    pub(crate) fn new(template: &str) -> Self {
        let text = |keys: usize, marks: Marks| {
            template.replace("{}", &marks.all(keys).collect::<Vec<_>>().join(",")).into()
        };
        Self {
            numbered: SIZES.map(|keys| text(keys, Marks::Numbered)),
            plain: SIZES.map(|keys| text(keys, Marks::Plain)),
        }
    }

    /// The rows of these keys; in the statement's order within each [`SIZES`]' largest number of keys.
    pub(crate) async fn fetch<K: ToString>(
        &self,
        connection: &mut AnyConnection,
        keys: &[K],
    ) -> Result<Vec<AnyRow>, DbError> {
        let largest = SIZES[SIZES.len() - 1];
        let mut rows = Vec::with_capacity(keys.len());
        let texts = Marks::of(connection).choose(&self.numbered, &self.plain);
        for some in keys.chunks(largest) {
            let fitting = SIZES.iter().zip(texts).find(|(size, _)| **size >= some.len());
            let (Some((size, text)), Some(last)) = (fitting, some.last()) else { continue };
            let mut args = Args::with_room(*size);
            for key in some.iter().chain(std::iter::repeat_n(last, size - some.len())) {
                args.text(key.to_string());
            }
            let query = sqlx::query_with(AssertSqlSafe(Arc::clone(text)), args.done());
            rows.append(&mut query.fetch_all(&mut *connection).await?);
        }
        Ok(rows)
    }
}
