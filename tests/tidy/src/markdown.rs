//! Links and headings of a Markdown document.
//!
//! Owns: inline links outside of code, and the anchors that headings make.
//! Does not own: whether a target exists; a rule asks the repository.

/// A link of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The line it is on, from 1.
    pub line: usize,
    /// What stands in the parentheses, without a title.
    pub target: String,
}

/// The inline links (`[text](target)`, images too) outside of code blocks and code spans.
pub fn links(text: &str) -> Vec<Link> {
    let mut links = Vec::new();
    for (number, line) in prose(text) {
        let line = without_code_spans(line);
        let mut rest = line.as_str();
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            let Some(end) = rest.find(')') else { break };
            let target = rest[..end].split_whitespace().next().unwrap_or_default();
            links.push(Link { line: number, target: target.to_owned() });
            rest = &rest[end..];
        }
    }
    links
}

/// The code spans (`` `text` ``) of a document, outside of fenced code.
pub fn code_spans(text: &str) -> Vec<(usize, &str)> {
    prose(text)
        .flat_map(|(number, line)| line.split('`').skip(1).step_by(2).map(move |span| (number, span)))
        .collect()
}

/// The anchors of a document: one for each heading, as the usual renderers make them.
pub fn anchors(text: &str) -> Vec<String> {
    prose(text)
        .filter_map(|(_, line)| {
            let title = line.trim_start_matches('#');
            let level = line.len() - title.len();
            ((1..=6).contains(&level) && title.starts_with(' ')).then(|| anchor(title.trim()))
        })
        .collect()
}

/// The anchor that a heading's text makes: lower case, words joined by hyphens, punctuation left out.
pub fn anchor(title: &str) -> String {
    title
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        })
        .collect()
}

/// The lines outside of fenced code, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            return None;
        }
        (!fenced).then_some((index + 1, line))
    })
}

/// A line with its code spans left out; the backticks of a link's own text go too, its target stays.
fn without_code_spans(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_in_prose_and_not_in_code() {
        let text =
            "See [a](a.md) and ![b](b.png \"title\").\n```\n[c](c.md)\n```\n`[d](d.md)` [`e`](e.md#x)\n";
        let found: Vec<_> = links(text).into_iter().map(|link| (link.line, link.target)).collect();
        assert_eq!(found, [(1, "a.md".to_owned()), (1, "b.png".to_owned()), (5, "e.md#x".to_owned())]);
    }

    #[test]
    fn code_spans_are_what_stands_between_backticks() {
        assert_eq!(code_spans("Look at `a/b.rs` and\n```\n`c`\n```\n`d`.\n"), [(1, "a/b.rs"), (5, "d")]);
    }

    #[test]
    fn a_heading_makes_an_anchor() {
        assert_eq!(anchors("# One, two\n#no\n## `paravox demo`\n"), ["one-two", "paravox-demo"]);
    }
}
