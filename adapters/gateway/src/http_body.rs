//! Bodies, query strings and path segments: read strictly (P1, A5).
//!
//! Owns: size, media type, JSON without doubles and unknown fields, and where in it something is wrong.
//! Does not own: what a value means; the types parse themselves.
//! Invariant: what is told of a mistake holds nothing of what was sent.

use std::borrow::Cow;

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::{HeaderMap, header, request::Parts};
use axum::response::{IntoResponse as _, Response};
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;

use crate::codes::GatewayCode;
use crate::parts::AppState;
use crate::problem::{Problem, Refused};

/// A JSON body.
pub(crate) struct StrictJson<T>(pub(crate) T);

/// The query string.
pub(crate) struct Params<T>(pub(crate) T);

/// The one id in the path, as text. What is no id names nothing.
pub(crate) struct PathId(pub(crate) String);

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn too_large(max: usize) -> Problem {
    Problem::new(GatewayCode::BodyTooLarge, format!("a body has at most {max} bytes"))
}

impl<T: DeserializeOwned> FromRequest<AppState> for StrictJson<T> {
    type Rejection = Refused;
    async fn from_request(request: Request, shared: &AppState) -> Result<Self, Refused> {
        if !is_json(request.headers()) {
            let detail = "send JSON, with `Content-Type: application/json`";
            return Err(Problem::new(GatewayCode::MediaTypeUnknown, detail).into());
        }
        let max = shared.config.body_bytes_max;
        let bytes = axum::body::to_bytes(request.into_body(), max).await.map_err(|error| {
            let inner = error.into_inner();
            if inner.is::<LengthLimitError>() {
                too_large(max)
            } else {
                Problem::new(GatewayCode::BodyMalformed, "the body did not arrive in full")
            }
        })?;
        Ok(Self(read_json(&bytes)?))
    }
}

/// Reads a document: all of it, each field known and there once.
pub(crate) fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // Nearly every body is good: where it is wrong is looked for only then.
    serde_json::from_slice(bytes).map_err(|_| what_is_wrong::<T>(bytes))
}

fn what_is_wrong<T: DeserializeOwned>(bytes: &[u8]) -> Problem {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let outcome = serde_path_to_error::deserialize::<_, T>(&mut deserializer);
    let malformed = |error: &serde_json::Error| {
        let (line, column) = (error.line(), error.column());
        Problem::new(
            GatewayCode::BodyMalformed,
            format!("no JSON that can be read: see line {line}, column {column}"),
        )
    };
    match outcome {
        Ok(_) => match deserializer.end() {
            Err(error) => malformed(&error),
            Ok(()) => Problem::new(GatewayCode::BodyMalformed, "no JSON that can be read"),
        },
        Err(error) if error.inner().is_data() => {
            let message = error.inner().to_string();
            let mut pointer = pointer(error.path());
            if message.starts_with("unknown field") {
                // Its name is the client's: the object in which it stands is named.
                pointer.truncate(pointer.rfind('/').unwrap_or_default());
            }
            let detail = plain(&message);
            Problem::new(GatewayCode::FieldInvalid, "a field is unknown, missing, or not as it must be")
                .at(pointer, detail)
        }
        Err(error) => malformed(error.inner()),
    }
}

/// The path to a field as a JSON pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Map { key } => text.extend(["/", &key.replace('~', "~0").replace('/', "~1")]),
            Segment::Seq { index } => text.extend(["/", &index.to_string()]),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    text
}

/// A message without what was sent: serde quotes values and names of fields; what was expected is ours.
fn plain(message: &str) -> String {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    let expected = || message.rsplit_once(", expected ").map(|(_, expected)| expected);
    let start: Cow<'_, str> = match message.split_once([':', '`']).map(|(start, _)| start.trim()) {
        Some("invalid type") => "of the wrong type".into(),
        Some("invalid value") => "not a possible value".into(),
        Some("invalid length") => "of the wrong length".into(),
        Some("unknown field") => "there is an unknown field".into(),
        Some("unknown variant") => "not one of the possible words".into(),
        _ => return message.to_owned(),
    };
    expected().map_or_else(|| start.to_string(), |expected| format!("{start}, expected {expected}"))
}

impl<T: DeserializeOwned> FromRequestParts<AppState> for Params<T> {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Refused> {
        Query::<T>::try_from_uri(&parts.uri).map(|Query(params)| Self(params)).map_err(|error| {
            // The library's words hold the client's: they are only looked at.
            let words = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            let what = if words.contains("unknown field") {
                "a parameter is unknown"
            } else if words.contains("duplicate field") {
                "a parameter is there twice"
            } else {
                "a parameter is not one of its possible values"
            };
            let detail = "the query string is not as this route takes it: see `/v1/openapi.json`";
            Problem::new(GatewayCode::QueryInvalid, detail).at("", what).into()
        })
    }
}

impl FromRequestParts<AppState> for PathId {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, shared: &AppState) -> Result<Self, Response> {
        match Path::<String>::from_request_parts(parts, shared).await {
            Ok(Path(text)) => Ok(Self(text)),
            Err(error) if error.status().is_client_error() => Ok(Self(String::new())),
            Err(error) => Err(error.into_response()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "read by the derive only")]
    struct Sample {
        stage: Stage,
        tries: u32,
        nested: Option<Box<Sample>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Stage {
        One,
    }

    fn wrong(text: &str) -> String {
        let problem = read_json::<Sample>(text.as_bytes()).unwrap_err();
        format!("{problem:?}")
    }

    #[test]
    fn p1_what_is_not_json_is_told_by_its_place_and_what_is_wrong_by_its_pointer() {
        assert!(wrong("{").contains("PVX-4001"));
        assert!(wrong("{}x").contains("PVX-4002"));
        assert!(wrong(r#"{"stage":"one","tries":1}x"#).contains("PVX-4001"));
        assert!(wrong(r#"{"stage":"one","tries":1e400}"#).contains("PVX-4001"));
        assert!(wrong(r#"{"stage":"\ud800","tries":1}"#).contains("PVX-4001"));
        assert!(wrong(&format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000))).contains("PVX-400"));
        assert!(wrong(r#"{"stage":"one","tries":1,"tries":2}"#).contains("duplicate field"));
        let nested = wrong(r#"{"stage":"one","tries":1,"nested":{"stage":"one","tries":"+442079460001"}}"#);
        assert!(nested.contains("/nested/tries") && nested.contains("expected u32"), "{nested}");
        assert!(wrong(r#"{"stage":"one","tries":-1}"#).contains("expected u32"));
    }

    #[test]
    fn l1_what_was_sent_is_not_repeated() {
        for text in [
            r#"{"stage":"+442079460001","tries":1}"#,
            r#"{"stage":"one","tries":"+442079460001"}"#,
            r#"{"stage":"one","tries":1,"+442079460001":1}"#,
            r#"{"+442079460001":1}"#,
            r#"["+442079460001"]"#,
            r#""+442079460001""#,
        ] {
            assert!(!wrong(text).contains("2079460001"), "{}", wrong(text));
        }
    }
}
