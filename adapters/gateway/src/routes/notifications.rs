//! Call notifications: what devices and automated systems report of calls (S01).
//!
//! Owns: the form of a report, and whether a service may speak for the identity (invariant 7).
//! Does not own: whether a device may (the writer knows whose the identity is), nor what the report leads to.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use paravox_domain::answer::{Answer, Noted};
use paravox_domain::call::{
    Attempt, NetworkReference, Other, REFERENCES_MAX, ReferenceKind, Report, Reporter, Role, Stage,
};
use paravox_domain::command::{Actor, Ask};
use paravox_domain::id::{CallId, SessionId};
use paravox_domain::identity::Identity;
use paravox_domain::matching::Waiting;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use super::schemas::{self, IdentityText, OutcomeWord, ReferenceKindWord, RoleWord, StageWord};
use crate::auth::Caller;
use crate::codes::GatewayCode;
use crate::http_body::StrictJson;
use crate::parts::AppState;
use crate::problem::{Problem, ProblemBody, Refused};
use crate::time_text::TimeText;
use crate::write::{Scope, Write, unfit, written};

/// The longest name or issuer of a network reference, in bytes.
const REFERENCE_BYTES_MAX: usize = 255;

/// What somebody reports of a call.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotificationRequest {
    /// The party for which the report speaks: an identity of the device's party, or one that the service was given.
    #[schema(value_type = IdentityText)]
    on_behalf_of: Identity,
    /// The party at the other end.
    #[serde(default)]
    #[schema(schema_with = schemas::other_party)]
    other: OtherParty,
    /// Which end `on_behalf_of` is.
    #[serde(default = "unknown_role")]
    #[schema(value_type = RoleWord)]
    role: Role,
    /// How far the call has come.
    #[schema(value_type = StageWord)]
    stage: Stage,
    /// What the network calls this call.
    #[serde(default)]
    #[schema(value_type = Vec<ReferenceBody>, max_items = 4)]
    references: Vec<NetworkReference>,
    /// The reporter's own word for this attempt: 1 to 64 printable ASCII characters without spaces. Another word is another
    /// call.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64, pattern = "^[!-~]{1,64}$")]
    attempt: Option<Attempt>,
    /// When it happened, by the reporter's clock.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    happened_at: Option<TimeText>,
}

const fn unknown_role() -> Role {
    Role::Unknown
}

/// A name that the network gives to a call.
#[derive(ToSchema)]
#[schema(as = NetworkReference)]
#[expect(dead_code, reason = "describes a type of the domain, and is never made")]
struct ReferenceBody {
    /// Who gives it, and how.
    #[schema(value_type = ReferenceKindWord)]
    kind: ReferenceKind,
    /// Who gave it: an MSC's address, a host, a charging domain.
    #[schema(min_length = 1, max_length = 255)]
    issuer: String,
    /// The name.
    #[schema(min_length = 1, max_length = 255)]
    value: String,
}

/// The party at the other end, as it is written: `{"identity": …}`, `"withheld"`, `"unknown"`, or left out.
#[derive(Default)]
enum OtherParty {
    Known(Identity),
    Withheld,
    #[default]
    Unknown,
}

impl Serialize for OtherParty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(identity) => serializer.collect_map([("identity", identity)]),
            Self::Withheld => serializer.serialize_str("withheld"),
            Self::Unknown => serializer.serialize_str("unknown"),
        }
    }
}

impl<'de> Deserialize<'de> for OtherParty {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOf;
        impl<'de> Visitor<'de> for OneOf {
            type Value = OtherParty;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object with `identity`, \"withheld\" or \"unknown\"")
            }
            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<OtherParty, E> {
                match word {
                    "withheld" => Ok(OtherParty::Withheld),
                    "unknown" => Ok(OtherParty::Unknown),
                    _ => Err(E::unknown_variant(word, &["withheld", "unknown"])),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OtherParty, A::Error> {
                #[derive(Deserialize)]
                #[serde(deny_unknown_fields)]
                struct Known {
                    identity: Identity,
                }
                let known = Known::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(OtherParty::Known(known.identity))
            }
        }
        deserializer.deserialize_any(OneOf)
    }
}

/// What has become of a notification.
#[derive(Serialize, ToSchema)]
struct NotificationBody {
    /// The call to which it belongs.
    #[schema(value_type = String, example = "call_01k9vaxr3n0000000000000000")]
    call: CallId,
    /// What has become of it.
    #[schema(value_type = OutcomeWord)]
    outcome: &'static str,
    /// The session beside the call, if one is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    session: Option<SessionId>,
    /// Why it waits, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    waiting: Option<WaitingBody>,
}

/// Why a call waits for its other side.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WaitingBody {
    /// `no_partner`: nobody has reported the other side. `ambiguous`: several calls fit. `needs_corroboration`: one fits,
    /// but one of the two does not name the other.
    #[schema(example = "no_partner")]
    reason: &'static str,
}

impl From<&Waiting> for WaitingBody {
    fn from(waiting: &Waiting) -> Self {
        // The calls that would fit are other people's: they are not named (A1).
        let reason = match waiting {
            Waiting::NoPartner => "no_partner",
            Waiting::Ambiguous { .. } => "ambiguous",
            Waiting::NeedsCorroboration { .. } => "needs_corroboration",
        };
        Self { reason }
    }
}

/// Reports a call. The two sides' reports find each other; then a session opens beside the call.
#[utoipa::path(
    post,
    path = "/v1/call-notifications",
    tag = "calls",
    request_body = NotificationRequest,
    params(("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "The same key and body get the first answer again.")),
    security(("device" = []), ("service" = [])),
    responses(
        (status = 200, body = NotificationBody, description = "It is noted; what has become of it."),
        (status = "default", body = ProblemBody<'static>, content_type = "application/problem+json", description = "Refused.")
    )
)]
pub(crate) async fn notify(
    State(shared): State<AppState>,
    caller: Caller,
    write: Write,
    StrictJson(body): StrictJson<NotificationRequest>,
) -> Result<Response, Refused> {
    check_references(&body.references)?;
    let (actor, reporter, scope) = match &caller {
        Caller::Device(access) => (
            Actor::Device { device: access.device, party: access.party },
            Reporter::Device(access.device),
            access.device.to_string(),
        ),
        Caller::Service(service) => {
            if !service.may_speak_for(&body.on_behalf_of) {
                let detail = "this service was not given the identity in `on_behalf_of`";
                return Err(Problem::new(GatewayCode::ServiceUnfit, detail)
                    .at("/on_behalf_of", detail)
                    .into());
            }
            let name = service.name.clone();
            (
                Actor::Service { name: name.clone() },
                Reporter::Service(name.clone()),
                format!("service {name}"),
            )
        }
    };
    let other = match &body.other {
        OtherParty::Known(identity) => {
            Other::Known { identity: identity.clone(), key: identity.key(&shared.lookup_key), party: None }
        }
        OtherParty::Withheld => Other::Withheld,
        OtherParty::Unknown => Other::Unknown,
    };
    let report = Report {
        on_behalf_of: body.on_behalf_of.clone(),
        key: body.on_behalf_of.key(&shared.lookup_key),
        party: None,
        other,
        role: body.role,
        stage: body.stage,
        references: body.references.clone(),
        attempt: body.attempt.clone(),
        happened: body.happened_at.map(|time| time.0),
        reporter,
        devices: Vec::new(),
    };
    let scope = Scope { caller: &scope, route: "POST /call-notifications", target: "" };
    let outcome = write.submit(&shared, scope, &body, actor, Ask::Notify(Box::new(report))).await?;
    let Answer::Noted { call, outcome: noted } = &outcome.answer else { return Err(unfit()) };
    let answer = match noted {
        Noted::Waiting(waiting) => {
            NotificationBody { call: *call, outcome: "waiting", session: None, waiting: Some(waiting.into()) }
        }
        Noted::Joined { session } => {
            NotificationBody { call: *call, outcome: "joined", session: *session, waiting: None }
        }
        Noted::Over => NotificationBody { call: *call, outcome: "over", session: None, waiting: None },
    };
    Ok(written(StatusCode::OK, &outcome, answer))
}

fn check_references(references: &[NetworkReference]) -> Result<(), Problem> {
    let invalid = |pointer: String, detail: String| {
        Problem::new(GatewayCode::FieldInvalid, "a field is not as it must be").at(pointer, detail)
    };
    if references.len() > REFERENCES_MAX {
        return Err(invalid(
            "/references".to_owned(),
            format!("a report has at most {REFERENCES_MAX} references"),
        ));
    }
    for (index, reference) in references.iter().enumerate() {
        for (name, text) in [("issuer", &reference.issuer), ("value", &reference.value)] {
            let fits = (1..=REFERENCE_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
            if !fits {
                let detail = format!("1 to {REFERENCE_BYTES_MAX} bytes, no control characters");
                return Err(invalid(format!("/references/{index}/{name}"), detail));
            }
        }
    }
    Ok(())
}
