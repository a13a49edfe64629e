//! Descriptions of domain types, for the OpenAPI document only.
//!
//! Owns: the words of each vocabulary as they are written in JSON. A test compares them with the domain's.

use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{KnownFormat, Ref};

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident as $shown:ident: $($word:ident)*;)*) => {$(
        $(#[$doc])*
        #[derive(ToSchema)]
        #[schema(as = $shown, rename_all = "snake_case")]
        #[expect(dead_code, reason = "describes a type of the domain, and is never made")]
        pub(crate) enum $name { $($word),* }
    )*};
}

words! {
    /// What kind of device it is.
    DeviceKindWord as DeviceKind: Phone Computer Other;
    /// Which end of the call a party is.
    RoleWord as Role: Calling Called Unknown;
    /// How far a call has come.
    StageWord as Stage: Attempt Alerting Diverted Answered NotAnswered Busy Ended;
    /// Who gives a network reference, and how.
    ReferenceKindWord as ReferenceKind: CapCallReference SipCallId Icid Conference;
    /// Why a call is over.
    OverCauseWord as OverCause: HungUp NotAnswered Busy NoPartner GivenUp Absorbed Contradicted;
    /// The state of a leg.
    LegStateWord as LegState: Invited Joined Lost Left;
    /// Why a session was closed.
    CloseCauseWord as CloseCause: CallEnded LegsLeft OutlivedLongest Contradicted;
    /// Why a device was put out.
    RevocationCauseWord as RevocationCause: Asked CredentialReused;
    /// What has become of a notification.
    OutcomeWord as NotificationOutcome: Waiting Joined Over;
}

/// The party at the other end: an identity, or a word.
pub(crate) fn other_party() -> Schema {
    let identity = ObjectBuilder::new()
        .property("identity", Ref::from_schema_name("Identity"))
        .required("identity")
        .additional_properties(Some(utoipa::openapi::schema::AdditionalProperties::<Schema>::FreeForm(false)))
        .description(Some("It is known by this identity."))
        .build();
    let word = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(["withheld", "unknown"]))
        .description(Some("It withholds its identity, or the reporter cannot tell."))
        .build();
    Schema::OneOf(
        OneOfBuilder::new()
            .item(identity)
            .item(word)
            .description(Some("The party at the other end; left out: unknown."))
            .build(),
    )
}

/// An identity as text.
#[derive(ToSchema)]
#[schema(
    as = Identity,
    value_type = String,
    max_length = 254,
    min_length = 1,
    example = "+442079460001"
)]
#[expect(dead_code, reason = "describes a type of the domain, and is never made")]
pub(crate) struct IdentityText(String);

/// A time.
pub(crate) fn time() -> Schema {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .description(Some("RFC 3339, UTC, microseconds."))
        .build()
        .into()
}
