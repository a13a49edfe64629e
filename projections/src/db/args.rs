//! Arguments of a statement.
//!
//! Owns: the few kinds of value that the tables hold: integers and text, either of them possibly absent.

use sqlx::Arguments as _;
use sqlx::any::AnyArguments;

/// The arguments of one statement, in the order of its placeholders.
#[derive(Default)]
pub(crate) struct Args(AnyArguments);

impl Args {
    /// No argument yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// No argument yet, and room for so many.
    pub(crate) fn with_room(values: usize) -> Self {
        let mut arguments = AnyArguments::default();
        arguments.reserve(values, 0);
        Self(arguments)
    }

    fn push<T>(&mut self, value: T) -> &mut Self
    where
        T: for<'q> sqlx::Encode<'q, sqlx::Any> + sqlx::Type<sqlx::Any>,
    {
        if let Err(error) = self.0.add(value) {
            unreachable!("integers and text are always encoded: {error}");
        }
        self
    }

    /// An integer.
    pub(crate) fn int(&mut self, value: i64) -> &mut Self {
        self.push(value)
    }

    /// A count or position.
    pub(crate) fn count(&mut self, value: u64) -> &mut Self {
        self.push(value as i64)
    }

    /// An integer that may be absent.
    pub(crate) fn opt_int(&mut self, value: Option<i64>) -> &mut Self {
        self.push(value)
    }

    /// A text.
    #[expect(clippy::needless_pass_by_value, reason = "ids are small, and references have a text too")]
    pub(crate) fn text(&mut self, value: impl ToString) -> &mut Self {
        self.push(value.to_string())
    }

    /// A text that may be absent.
    pub(crate) fn opt_text(&mut self, value: Option<impl ToString>) -> &mut Self {
        self.push(value.map(|value| value.to_string()))
    }

    /// The arguments, as the driver takes them.
    pub(crate) fn done(&mut self) -> AnyArguments {
        std::mem::take(&mut self.0)
    }
}
