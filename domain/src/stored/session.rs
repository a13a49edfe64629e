//! Stored twins of the events of sessions.

use std::borrow::Cow;

use super::StoredEvent;
use super::registration::twin;
use crate::id::{CallId, DeviceId, LegId, MessageId};
use crate::session::{CloseCause, Event, LeaveCause, OpeningLeg};
use crate::time::Instant;

twin!(
    /// `session.opened.v1`
    pub OpenedV1<'a> { call: CallId, legs: Cow<'a, [OpeningLeg]>, told: Cow<'a, [DeviceId]> }
);
twin!(
    /// `session.device_joined.v1`, `session.leg_resumed.v1`
    pub DeviceV1<'a> { leg: LegId, device: DeviceId, told: Cow<'a, [DeviceId]> }
);
twin!(
    /// `session.leg_lost.v1`
    pub LegLostV1<'a> { leg: LegId, device: DeviceId, until: Instant, told: Cow<'a, [DeviceId]> }
);
twin!(
    /// `session.leg_left.v1`
    pub LegLeftV1<'a> { leg: LegId, cause: LeaveCause, told: Cow<'a, [DeviceId]> }
);
twin!(
    /// `session.kept.v1`
    pub KeptV1<'a> { leg: LegId, keep: bool, told: Cow<'a, [DeviceId]> }
);
twin!(
    /// `session.outlives_call.v1`
    pub OutlivesCallV1<'a> { until: Instant, told: Cow<'a, [DeviceId]> }
);
twin!(
    /// `session.text_sent.v1`
    pub TextSentV1<'a> {
        message: MessageId,
        number: u64,
        leg: LegId,
        device: DeviceId,
        text: Cow<'a, str>,
        told: Cow<'a, [DeviceId]>,
    }
);
twin!(
    /// `session.closed.v1`
    pub ClosedV1<'a> { cause: CloseCause, told: Cow<'a, [DeviceId]> }
);

pub(super) fn of(event: &Event) -> StoredEvent<'_> {
    match event {
        Event::Opened { call, legs, told } => StoredEvent::SessionOpenedV1(OpenedV1 {
            call: *call,
            legs: Cow::Borrowed(legs),
            told: Cow::Borrowed(told),
        }),
        Event::DeviceJoined { leg, device, told } => StoredEvent::SessionDeviceJoinedV1(DeviceV1 {
            leg: *leg,
            device: *device,
            told: Cow::Borrowed(told),
        }),
        Event::LegLost { leg, device, until, told } => StoredEvent::SessionLegLostV1(LegLostV1 {
            leg: *leg,
            device: *device,
            until: *until,
            told: Cow::Borrowed(told),
        }),
        Event::LegResumed { leg, device, told } => StoredEvent::SessionLegResumedV1(DeviceV1 {
            leg: *leg,
            device: *device,
            told: Cow::Borrowed(told),
        }),
        Event::LegLeft { leg, cause, told } => {
            StoredEvent::SessionLegLeftV1(LegLeftV1 { leg: *leg, cause: *cause, told: Cow::Borrowed(told) })
        }
        Event::Kept { leg, keep, told } => {
            StoredEvent::SessionKeptV1(KeptV1 { leg: *leg, keep: *keep, told: Cow::Borrowed(told) })
        }
        Event::OutlivesCall { until, told } => {
            StoredEvent::SessionOutlivesCallV1(OutlivesCallV1 { until: *until, told: Cow::Borrowed(told) })
        }
        Event::TextSent { message, number, leg, device, text, told } => {
            StoredEvent::SessionTextSentV1(TextSentV1 {
                message: *message,
                number: *number,
                leg: *leg,
                device: *device,
                text: Cow::Borrowed(text),
                told: Cow::Borrowed(told),
            })
        }
        Event::Closed { cause, told } => {
            StoredEvent::SessionClosedV1(ClosedV1 { cause: *cause, told: Cow::Borrowed(told) })
        }
    }
}

impl OpenedV1<'_> {
    pub(super) fn lift(self) -> Event {
        Event::Opened { call: self.call, legs: self.legs.into_owned(), told: self.told.into_owned() }
    }
}

impl DeviceV1<'_> {
    pub(super) fn lift_joined(self) -> Event {
        Event::DeviceJoined { leg: self.leg, device: self.device, told: self.told.into_owned() }
    }

    pub(super) fn lift_resumed(self) -> Event {
        Event::LegResumed { leg: self.leg, device: self.device, told: self.told.into_owned() }
    }
}

impl LegLostV1<'_> {
    pub(super) fn lift(self) -> Event {
        Event::LegLost { leg: self.leg, device: self.device, until: self.until, told: self.told.into_owned() }
    }
}

impl LegLeftV1<'_> {
    pub(super) fn lift(self) -> Event {
        Event::LegLeft { leg: self.leg, cause: self.cause, told: self.told.into_owned() }
    }
}

impl KeptV1<'_> {
    pub(super) fn lift(self) -> Event {
        Event::Kept { leg: self.leg, keep: self.keep, told: self.told.into_owned() }
    }
}

impl OutlivesCallV1<'_> {
    pub(super) fn lift(self) -> Event {
        Event::OutlivesCall { until: self.until, told: self.told.into_owned() }
    }
}

impl TextSentV1<'_> {
    pub(super) fn lift(self) -> Event {
        Event::TextSent {
            message: self.message,
            number: self.number,
            leg: self.leg,
            device: self.device,
            text: self.text.into_owned(),
            told: self.told.into_owned(),
        }
    }
}

impl ClosedV1<'_> {
    pub(super) fn lift(self) -> Event {
        Event::Closed { cause: self.cause, told: self.told.into_owned() }
    }
}
