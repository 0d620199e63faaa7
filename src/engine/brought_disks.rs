//! The disks that an export brings beside the root disk: rows and attachments with those of the new instance, and volumes that hold what
//! comes out of the file. They are the instance's from the beginning, so its guest finds them at its first boot.

use uuid::Uuid;

use super::{
    Ctx,
    execute::Payload,
    images,
    journal::{self, Run},
    request::Request,
};
use crate::{
    hypervisor::Upload,
    image::{self, Arriving, differs},
    kill_point,
    model::{Disk, DiskAttachment, DiskState, HostId, Observer, Record, Result},
    plan::{self, Object, OwnedKind, Step},
    store::{Transaction, disks},
};

/// How a new instance has the disks of its request.
pub fn attachments(request: &Request) -> Vec<DiskAttachment> {
    let given = request.disks().iter().zip(0..DiskAttachment::MOST);
    let attached = |(disk, unit): (&super::manifest::ExportedDisk, u8)| DiskAttachment {
        disk: Uuid::new_v4(),
        unit,
        volume: None,
        mount: disk.mount.clone(),
    };
    given.map(attached).collect()
}

/// Keeps the rows of the disks of a new instance, which has its own. One whose name is taken gets another.
///
/// # Errors
/// Those of the database.
pub fn insert(t: &Transaction<'_>, host: &HostId, request: &Request, record: &Record) -> Result<()> {
    for (told, attached) in request.disks().iter().zip(&record.disks) {
        let disk = Disk {
            id: attached.disk,
            name: disks::free_name(t, &told.name)?,
            size: told.size,
            volume: attached.volume,
            state: DiskState::Creating,
            created_at: record.created_at,
        };
        disks::insert(t, host, &disk)?;
    }
    Ok(())
}

/// Says which disks have other names here.
///
/// # Errors
/// Those of the database.
pub fn tell_names(ctx: &Ctx, request: &Request, record: &Record, observer: &mut dyn Observer) -> Result<()> {
    for (told, attached) in request.disks().iter().zip(&record.disks) {
        let name = ctx.store.given_disk(attached.disk)?.name;
        if name != told.name {
            observer.status(&format!("disk `{}` of the export is called `{name}` here: its name is taken", told.name));
        }
    }
    Ok(())
}

/// Makes a volume of each disk that is still to come. What was begun is in `run`.
///
/// # Errors
/// Refused: one is not what the export says, or they are more or fewer.
pub fn receive(
    ctx: &mut Ctx,
    run: &mut Run<'_>,
    record: &Record,
    (mut arriving, lock): (Option<Arriving>, &image::Lock),
    observer: &mut dyn Observer,
) -> Result<()> {
    let pool = ctx.settings.host.pool.clone();
    for given in &record.disks {
        let (next, rest) = images::receive_next(ctx, (arriving.ok_or_else(fewer)?, lock), observer)?;
        arriving = rest;
        let (mut source, length) = next.open()?;
        let name = plan::disk_volume(given.disk, given.volume);
        let object = Object::Volume { pool: pool.clone(), name: name.clone() };
        let xml = plan::seed_xml(&name, length)?;
        journal::step(ctx, run, &Step::Ensure { kind: OwnedKind::Disk, object, xml }, &Payload::none())?;
        ctx.hypervisor.upload_from(&pool, &name, Upload { source: &mut source, length })?;
        kill_point::reached("effect");
    }
    arriving.map_or(Ok(()), |_| Err(fewer()))
}

fn fewer() -> crate::model::Error {
    differs("number of disks")
}
