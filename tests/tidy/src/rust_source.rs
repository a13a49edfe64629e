//! Facts about one Rust source file, read line by line.
//!
//! Owns: the module header, the names of the tests, the code without its comments.
//! Does not own: a parser. What is read here is plain enough to be told by lines; where that could err, it errs on the
//! side of reporting nothing.

/// Whether the file begins with a module header: a `//!` line before any code, after at most licence or lint lines.
pub fn has_header(text: &str) -> bool {
    text.lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with("#!["))
        .is_some_and(|line| line.starts_with("//! ") && line.len() > "//! ".len())
}

/// The names of the functions that an attribute makes a test (`#[test]`, `#[tokio::test]`, `#[rstest]` …), in order.
pub fn test_names(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut marked = false;
    for line in text.lines().map(str::trim) {
        if is_test_attribute(line) {
            marked = true;
        }
        if let Some(name) = function_name(line) {
            if marked {
                names.push(name);
            }
            marked = false;
        }
    }
    names
}

fn is_test_attribute(line: &str) -> bool {
    let Some(inner) = line.strip_prefix("#[") else { return false };
    let path = inner.split([']', '(']).next().unwrap_or_default().trim();
    matches!(path.rsplit("::").next(), Some("test" | "rstest"))
}

fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let qualifiers = before.rsplit(']').next().unwrap_or(before);
    if !qualifiers.split_whitespace().all(|word| word == "async" || word.starts_with("pub")) {
        return None;
    }
    let end = after.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(after.len());
    (end > 0).then(|| &after[..end])
}

/// A line without its `//` comment. A `//` within quotes is kept, as addresses are.
pub fn code_of(line: &str) -> &str {
    let mut quoted = false;
    let bytes = line.as_bytes();
    for (index, byte) in bytes.iter().enumerate() {
        match byte {
            b'"' if index == 0 || bytes[index - 1] != b'\\' => quoted = !quoted,
            b'/' if !quoted && bytes.get(index + 1) == Some(&b'/') => return &line[..index],
            _ => {}
        }
    }
    line
}

/// Whether a name occurs in a text as a word of its own.
pub fn names(text: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, found)| {
        !text[..at].ends_with(part_of_word) && !text[at + found.len()..].starts_with(part_of_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_sentence_before_any_code() {
        assert!(has_header("//! What it is.\n\nfn main() {}\n"));
        assert!(has_header("#![forbid(unsafe_code)]\n//! What it is.\n"));
        assert!(!has_header("use std::fmt;\n//! Too late.\n"));
        assert!(!has_header("//!\n"));
        assert!(!has_header(""));
    }

    #[test]
    fn tests_are_found_under_every_kind_of_attribute_and_helpers_are_not() {
        let text = "
            #[test]
            fn s01_one() {}
            fn helper() {}
            #[tokio::test(flavor = \"multi_thread\")]
            async fn s02_two() {}
            proptest! {
                #[test]
                fn i3_three(seed: u64) {}
            }
            #[cfg(test)]
            mod tests { }
            #[test] fn four() {}
        ";
        assert_eq!(test_names(text), ["s01_one", "s02_two", "i3_three", "four"]);
    }

    #[test]
    fn a_comment_is_no_code_and_an_address_is_no_comment() {
        assert_eq!(code_of("let a = 1; // one"), "let a = 1; ");
        assert_eq!(code_of("let a = \"nats://here\";"), "let a = \"nats://here\";");
        assert_eq!(code_of("//! tokio"), "");
    }

    #[test]
    fn a_part_of_a_word_is_not_the_word() {
        assert!(names("fn s01_opens() {", "s01_opens"));
        assert!(!names("fn s01_opens_twice() {", "s01_opens"));
    }
}
