//! The marks of long lists of arguments.
//!
//! SQLite looks a numbered mark's name up by walking through all names before it, for each mark and each execution: a
//! list of thousands takes milliseconds. Its plain marks have no names. PostgreSQL knows numbered ones only. So the texts
//! of long lists, which are put together here anyway, are put together with the marks of their database.

use sqlx::AnyConnection;

/// How arguments are marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marks {
    /// `$1, $2, …`
    Numbered,
    /// `?, ?, …`
    Plain,
}

impl Marks {
    /// Those of a connection's database.
    pub(super) fn of(connection: &AnyConnection) -> Self {
        if connection.backend_name() == "SQLite" { Self::Plain } else { Self::Numbered }
    }

    /// So many marks.
    pub(super) fn all(self, marks: usize) -> impl Iterator<Item = String> {
        (1..=marks).map(move |mark| match self {
            Self::Numbered => format!("${mark}"),
            Self::Plain => "?".to_owned(),
        })
    }

    /// One of two.
    pub(super) const fn choose<'a, T: ?Sized>(self, numbered: &'a T, plain: &'a T) -> &'a T {
        match self {
            Self::Numbered => numbered,
            Self::Plain => plain,
        }
    }
}
