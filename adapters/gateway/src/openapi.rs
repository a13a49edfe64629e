//! The description of the routes: OpenAPI 3.1, made from the code that serves them.
//!
//! Owns: what is said of the whole; each route and type describes itself.
//! Invariant: what is served, what is checked in (`docs/api/openapi.json`) and what is done are one.

use utoipa::Modify;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use crate::problem::{FieldError, ProblemBody};
use crate::routes;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Paravox",
        version = "1",
        description = "Data sessions beside telephone calls: devices register, report calls, and exchange messages \
                       with the other side. Clients ignore fields of answers that they do not know; requests with \
                       unknown fields are refused. Every refusal is a problem document (RFC 9457) with a code; \
                       `paravox explain CODE` tells its cause and cure.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(ProblemBody<'static>, FieldError)),
    modifiers(&Security)
)]
struct Base;

struct Security;

impl Modify for Security {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_with(Default::default);
        let bearer = |format: &str, description: &str| {
            SecurityScheme::Http(
                HttpBuilder::new()
                    .scheme(HttpAuthScheme::Bearer)
                    .bearer_format(format)
                    .description(Some(description))
                    .build(),
            )
        };
        components.add_security_scheme("device", bearer("JWT", "A device's access token, good for minutes."));
        components.add_security_scheme("service", bearer("pvs_…", "The key of an automated system."));
    }
}

/// The description of the whole.
pub(crate) fn base() -> utoipa::openapi::OpenApi {
    Base::openapi()
}

/// The description of all routes under `/v1`.
pub fn document() -> utoipa::openapi::OpenApi {
    routes::described().into_openapi()
}

/// The description as it is served and checked in: indented, with a line's end at its end.
pub(crate) fn text() -> String {
    let mut text = document().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}
