//! What a batch changes of devices and identities.

use std::sync::LazyLock;

use paravox_domain::id::{DeviceId, PartyId};
use paravox_domain::identity::Identity;
use paravox_domain::ports::query::Place;
use paravox_domain::registration::{DeviceEvent, DeviceName, PartyEvent};
use paravox_domain::time::Instant;
use sqlx::AnyConnection;

use crate::db::{Args, DbError, Insert, word};

static DEVICES: LazyLock<Insert> = LazyLock::new(|| {
    Insert::new("view_device", &["id", "party", "name", "kind", "enrolled_at", "position", "idx"], "")
});
static IDENTITIES: LazyLock<Insert> =
    LazyLock::new(|| Insert::new("view_identity", &["party", "position", "idx", "identity"], ""));

struct DeviceRow {
    id: DeviceId,
    party: PartyId,
    name: DeviceName,
    kind: String,
    enrolled: Instant,
    place: Place,
}

/// Rows of devices and identities that a batch adds, and devices that it revokes.
#[derive(Default)]
pub(super) struct PeopleChanges {
    devices: Vec<DeviceRow>,
    revoked: Vec<(DeviceId, String)>,
    identities: Vec<(PartyId, Place, Identity)>,
}

impl PeopleChanges {
    /// Something happened to a device.
    pub(super) fn device(
        &mut self,
        id: DeviceId,
        event: &DeviceEvent,
        at: Instant,
        place: Place,
    ) -> Result<(), DbError> {
        match event {
            DeviceEvent::Enrolled { party, name, kind } => self.devices.push(DeviceRow {
                id,
                party: *party,
                name: name.clone(),
                kind: word(kind)?,
                enrolled: at,
                place,
            }),
            DeviceEvent::CredentialRotated { .. } => {}
            DeviceEvent::Revoked { cause, .. } => self.revoked.push((id, word(cause)?)),
        }
        Ok(())
    }

    /// Something happened to a party.
    pub(super) fn party(&mut self, id: PartyId, event: &PartyEvent, place: Place) {
        if let PartyEvent::IdentityAdded { identity, .. } = event {
            self.identities.push((id, place, identity.clone()));
        }
    }

    /// Writes what has changed.
    pub(super) async fn store(self, connection: &mut AnyConnection) -> Result<(), DbError> {
        DEVICES
            .run(connection, &self.devices, |args, row| {
                args.text(row.id).text(row.party).text(row.name.as_str()).text(&row.kind);
                args.int(row.enrolled.0).count(row.place.position.0).int(i64::from(row.place.index));
            })
            .await?;
        IDENTITIES
            .run(connection, &self.identities, |args, (party, place, identity)| {
                args.text(party).count(place.position.0).int(i64::from(place.index)).text(identity);
            })
            .await?;
        for (device, cause) in self.revoked {
            let mut args = Args::new();
            args.text(device).text(cause);
            // The first cause stays.
            let text = "UPDATE view_device SET revoked = $2 WHERE id = $1 AND revoked IS NULL";
            sqlx::query_with(text, args.done()).execute(&mut *connection).await?;
        }
        Ok(())
    }
}
