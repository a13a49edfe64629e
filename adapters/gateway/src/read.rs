//! Reading: waiting for one's own writes, and lists.
//!
//! Owns: the header `Paravox-Position`, the parameters and the form of lists.
//! Does not own: what is read.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use paravox_domain::commit::Position;
use paravox_domain::ports::query::{Listing, Page, Place};
use paravox_domain::time::{Instant, Span};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::codes::GatewayCode;
use crate::cursor;
use crate::parts::{AppState, Shared};
use crate::problem::{Problem, Refused};
use crate::time_text;

/// The header with a place in the journal: out with each write, in with a read that is to see it.
pub(crate) const POSITION: &str = "paravox-position";

/// Waits, within a limit, until the read models have got to the position that the request names, if it names one.
pub(crate) struct UpToDate;

impl FromRequestParts<AppState> for UpToDate {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, shared: &AppState) -> Result<Self, Refused> {
        let Some(value) = parts.headers.get(POSITION) else { return Ok(Self) };
        let position = value.to_str().ok().and_then(parse_position).ok_or_else(|| {
            Problem::new(
                GatewayCode::HeaderInvalid,
                "`Paravox-Position` is a number that a write was answered with",
            )
            .at("Paravox-Position", "not a position")
        })?;
        let limit = Span::millis(i64::try_from(shared.config.read_wait_ms_max).unwrap_or(i64::MAX));
        if shared.views.wait_for(Position(position), limit).await {
            return Ok(Self);
        }
        let detail = "the read models have not got to this position yet: ask again";
        Err(Problem::new(GatewayCode::ReadsBehind, detail).into())
    }
}

/// Reads a position: digits only, 63 bits as in databases.
fn parse_position(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse::<i64>().ok()).flatten().map(|position| position as u64)
}

/// Which part of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// At most so many items.
    #[param(minimum = 1, maximum = 200)]
    pub(crate) limit: Option<usize>,
    /// Where to go on: `next_cursor` of the page before.
    pub(crate) cursor: Option<String>,
    /// Only what began at or after this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    pub(crate) since: Option<String>,
    /// Only what began before this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    pub(crate) until: Option<String>,
}

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListBody<T> {
    /// The items, in the order of the journal.
    pub(crate) data: Vec<T>,
    /// Where to go on, if more follows.
    pub(crate) next_cursor: Option<String>,
    /// Whether more follows.
    pub(crate) has_more: bool,
}

impl Shared {
    /// The page that a request asks for. `list` names the list and whose it is.
    pub(crate) fn page(&self, list: &str, params: &ListParams) -> Result<Page, Problem> {
        let max = self.config.page_max;
        let invalid = |name: &str, detail: String| {
            Problem::new(GatewayCode::QueryInvalid, "a query parameter is not as it must be").at(name, detail)
        };
        let limit = params.limit.unwrap_or(self.config.page_default);
        if !(1..=max).contains(&limit) {
            return Err(invalid("limit", format!("a page has 1 to {max} items")));
        }
        let after = match &params.cursor {
            None => None,
            Some(text) => Some(cursor::parse(&self.cursor_key, list, text).ok_or_else(|| {
                invalid("cursor", "this cursor was not given out for this list".to_owned())
            })?),
        };
        let time = |name: &str, text: &Option<String>| -> Result<Option<Instant>, Problem> {
            let parse = |text: &String| {
                time_text::parse(text).ok_or_else(|| {
                    invalid(name, "a time is written as RFC 3339 says: 2026-11-23T15:00:00Z".to_owned())
                })
            };
            text.as_ref().map(parse).transpose()
        };
        Ok(Page { after, limit, since: time("since", &params.since)?, until: time("until", &params.until)? })
    }

    /// A page as it is answered.
    pub(crate) fn list<T, B>(&self, list: &str, listing: Listing<T>, body: impl Fn(T) -> B) -> ListBody<B> {
        let end = listing.items.last().map(|(place, _)| *place);
        let next = |place: Place| cursor::text(&self.cursor_key, list, place);
        ListBody {
            next_cursor: end.filter(|_| listing.has_more).map(next),
            has_more: listing.has_more,
            data: listing.items.into_iter().map(|(_, item)| body(item)).collect(),
        }
    }
}
