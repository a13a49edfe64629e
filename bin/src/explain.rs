//! `paravox explain`: what an error code means, and what to do.
//!
//! Owns: finding a page. The pages themselves are `docs/errors/`, embedded when the program is built.

use crate::exit::Failure;
use crate::output::Output;

include!(concat!(env!("OUT_DIR"), "/error_pages.rs"));

/// Prints the page of a code, or the list of codes.
pub fn run(code: Option<&str>, output: &Output) -> Result<(), Failure> {
    let Some(code) = code else {
        let rows: Vec<(&str, &str)> = PAGES.iter().map(|(code, page)| (*code, title(page))).collect();
        if output.json {
            let list: Vec<_> = rows
                .iter()
                .map(|(code, title)| serde_json::json!({ "code": code, "title": title }))
                .collect();
            output.json_line(&serde_json::json!({ "codes": list }));
        } else {
            output.table(
                &["code", "meaning"],
                rows.iter().map(|(code, title)| vec![(*code).into(), (*title).into()]),
            );
        }
        return Ok(());
    };
    let wanted = normal(code);
    match PAGES.iter().find(|(name, _)| *name == wanted) {
        Some((name, page)) if output.json => {
            output.json_line(&serde_json::json!({ "code": name, "title": title(page), "page": page }));
            Ok(())
        }
        Some((_, page)) => {
            output.text(page.trim_end());
            Ok(())
        }
        None => {
            let nearest =
                PAGES.iter().map(|(name, _)| *name).min_by_key(|name| strsim::levenshtein(name, &wanted));
            let hint = nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
            Err(Failure::NotFound(format!("there is no error code `{code}`{hint}")))
        }
    }
}

/// `1201`, `pvx-1201` and `PVX-1201` are the same code.
fn normal(code: &str) -> String {
    let upper = code.to_uppercase();
    if upper.starts_with("PVX-") { upper } else { format!("PVX-{upper}") }
}

/// The page's title: its first line without the code.
fn title(page: &str) -> &str {
    let first = page.lines().next().unwrap_or_default().trim_start_matches('#').trim();
    first.split_once(':').map_or(first, |(_, title)| title.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rejection_of_the_domain_has_a_page_with_a_title() {
        for code in paravox_domain::answer::REJECTION_CODES {
            let page = PAGES.iter().find(|(name, _)| name == code);
            assert!(page.is_some_and(|(_, page)| !title(page).is_empty()), "{code}");
        }
    }

    #[test]
    fn a_code_is_found_however_it_is_written() {
        assert_eq!(normal("1201"), "PVX-1201");
        assert_eq!(normal("pvx-1201"), "PVX-1201");
    }
}
