//! User names within this installation, written `user:alice`.
//!
//! Owns: the form: 2 to 32 of a-z, 0-9, dot, hyphen, underscore, beginning with a letter; upper case is folded.
//! Does not own: who may have which name.

use std::fmt;

/// A user name in lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(String);

/// A text that is no user name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a user name has 2 to 32 characters of a-z, 0-9, dot, hyphen and underscore, and begins with a letter"
)]
pub struct InvalidUserName;

impl UserName {
    /// Reads the name behind `user:`.
    pub fn parse(text: &str) -> Result<Self, InvalidUserName> {
        let name = text.to_ascii_lowercase();
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
        if (2..=32).contains(&name.len())
            && name.bytes().all(allowed)
            && name.starts_with(|c: char| c.is_ascii_lowercase())
        {
            Ok(Self(name))
        } else {
            Err(InvalidUserName)
        }
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Shows that it is a user name, never whose: identities do not belong in logs.
impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserName(…{} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s10_names_are_folded_and_bounded() {
        assert_eq!(UserName::parse("Alice_1").unwrap().to_string(), "alice_1");
        for wrong in ["a", "1alice", "al ice", "älice", &"a".repeat(33)] {
            assert_eq!(UserName::parse(wrong), Err(InvalidUserName), "{wrong}");
        }
    }
}
