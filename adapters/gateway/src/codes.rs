//! The gateway's own codes: what it refuses before, or instead of, asking the domain.
//!
//! Owns: each code with its status, title and whether the same request may succeed later.
//! Does not own: the domain's codes (`paravox_domain::answer`), nor their pages (`docs/errors/`).

use axum::http::StatusCode;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal $status:ident $retryable:literal $title:literal;)*) => {
        /// A refusal of the gateway.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum GatewayCode {$(
            $(#[$doc])*
            $name,
        )*}

        impl GatewayCode {
            /// The code, with a page of its own in `docs/errors/`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The status of the answer.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// Whether the same request may succeed later.
            pub const fn retryable(self) -> bool {
                match self { $(Self::$name => $retryable,)* }
            }

            /// What is wrong, in a few words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }

        /// Every code of the gateway, in order.
        pub const GATEWAY_CODES: &[GatewayCode] = &[$(GatewayCode::$name),*];
    };
}

codes! {
    /// The body is not JSON.
    BodyMalformed = "PVX-4001" BAD_REQUEST false "The body is not JSON";
    /// A field is unknown, missing, or of the wrong kind.
    FieldInvalid = "PVX-4002" UNPROCESSABLE_ENTITY false "A field is not as it must be";
    /// A query parameter is unknown or wrong.
    QueryInvalid = "PVX-4003" BAD_REQUEST false "A query parameter is not as it must be";
    /// A header is wrong.
    HeaderInvalid = "PVX-4004" BAD_REQUEST false "A header is not as it must be";
    /// There is no such route.
    RouteUnknown = "PVX-4005" NOT_FOUND false "There is no such route";
    /// The route has no such method.
    MethodUnknown = "PVX-4006" METHOD_NOT_ALLOWED false "The route does not take this method";
    /// The body is too large.
    BodyTooLarge = "PVX-4007" PAYLOAD_TOO_LARGE false "The body is too large";
    /// The body is of another type.
    MediaTypeUnknown = "PVX-4008" UNSUPPORTED_MEDIA_TYPE false "The body must be application/json";
    /// The request has too many headers.
    HeadersTooMany = "PVX-4009" REQUEST_HEADER_FIELDS_TOO_LARGE false "The request has too many headers";
    /// There is no credential.
    CredentialMissing = "PVX-4010" UNAUTHORIZED false "A credential is needed";
    /// The credential is not good.
    CredentialInvalid = "PVX-4011" UNAUTHORIZED false "The credential is not good";
    /// The credential has expired.
    CredentialExpired = "PVX-4012" UNAUTHORIZED false "The credential has expired";
    /// A refresh token that had been replaced was used.
    RefreshReused = "PVX-4013" UNAUTHORIZED false "The refresh token had been replaced, and the device was put out";
    /// The credential is of another kind than the route takes.
    CredentialUnfit = "PVX-4014" FORBIDDEN false "This kind of credential may not use the route";
    /// The service may not speak for the identity.
    ServiceUnfit = "PVX-4015" FORBIDDEN false "The service may not speak for this identity";
    /// A page of another origin.
    OriginForeign = "PVX-4016" FORBIDDEN false "Pages of this origin may not use the server";
    /// No such call, or none of the caller's.
    CallUnknown = "PVX-4017" NOT_FOUND false "There is no such call";
    /// The request took too long.
    TooSlow = "PVX-4018" REQUEST_TIMEOUT true "The request took too long";
    /// Too many requests.
    TooFast = "PVX-4019" TOO_MANY_REQUESTS true "Too many requests";
    /// Too many codes were asked for.
    CodesTooMany = "PVX-4020" TOO_MANY_REQUESTS true "Too many codes were asked for";
    /// The same request is under way.
    UnderWay = "PVX-4021" CONFLICT true "The same request is still being carried out";
    /// The idempotency key was used for another request.
    KeyUsed = "PVX-4022" UNPROCESSABLE_ENTITY false "The idempotency key was used for another request";
    /// The one-time code is wrong.
    CodeWrong = "PVX-4023" UNPROCESSABLE_ENTITY false "The code is wrong";
    /// The writer's queue is full.
    Busy = "PVX-4024" SERVICE_UNAVAILABLE true "Too much is asked at once";
    /// There is no active writer.
    NoWriter = "PVX-4025" SERVICE_UNAVAILABLE true "No writer is active at the moment";
    /// The read models do not answer.
    ReadsUnavailable = "PVX-4026" SERVICE_UNAVAILABLE true "The read models do not answer";
    /// The read model has not got there yet.
    ReadsBehind = "PVX-4027" SERVICE_UNAVAILABLE true "The read model is not there yet";
    /// A reader has stopped because data are damaged.
    ReadsStopped = "PVX-4028" INTERNAL_SERVER_ERROR false "A reader has stopped";
    /// The WebSocket offers no subprotocol that the server speaks.
    ProtocolMissing = "PVX-4029" BAD_REQUEST false "The WebSocket must offer paravox.v1";
    /// The cursor is ahead of the feed.
    CursorAhead = "PVX-4030" CONFLICT false "The cursor is ahead of the feed";
    /// The ticket is not good.
    TicketInvalid = "PVX-4031" UNAUTHORIZED false "The ticket is not good";
    /// Too many connections.
    ConnectionsTooMany = "PVX-4032" SERVICE_UNAVAILABLE true "Too many connections";
    /// Something went wrong in the server.
    Internal = "PVX-4033" INTERNAL_SERVER_ERROR false "Something went wrong in the server";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_is_given_once_and_in_order() {
        assert!(GATEWAY_CODES.windows(2).all(|pair| pair[0].code() < pair[1].code()));
    }
}
