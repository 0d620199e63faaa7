//! What a snapshot of an instance is made from, as it is found before anything is changed.

use super::{
    Ctx, capacity, disk_copy,
    domain::{image_volume, require_disks, state_of, unresponsive, volume_path},
    host,
};
use crate::{
    hypervisor::{DomainState, VolumeInfo},
    model::{Code, Consistency, CopiedDisk, Error, Hint, Instance, Name, NetworkMode, Record, Result, Size, Verb},
    plan::{self, DiskPort},
};

/// What a snapshot is made from, as it was found before anything was changed.
pub struct Source {
    /// The root disk.
    pub root: VolumeInfo,
    /// The volume of the image that it lies on, and its path.
    pub image: (String, String),
    /// The disks that the instance was given, which are copied too.
    pub disks: Vec<Given>,
    /// Whether the domain is up; if not, it is started paused.
    pub is_up: bool,
    /// What can be said of the file systems without an agent.
    pub consistency: Consistency,
}

impl Source {
    /// How much the copy takes at most.
    pub fn takes(&self) -> Size {
        let disks: u64 = self.disks.iter().map(|one| one.volume.allocation).sum();
        Size::bytes(self.root.allocation.saturating_add(disks))
    }

    /// The devices that are copied.
    pub fn devices(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(plan::ROOT_DEVICE).chain(self.disks.iter().map(|one| one.device))
    }
}

/// A disk that an instance was given.
pub struct Given {
    /// What the snapshot tells of it.
    pub copied: CopiedDisk,
    /// Its volume.
    pub volume: VolumeInfo,
    /// The device that it is in the guest.
    pub device: &'static str,
}

/// What a snapshot of the instance would be made from.
///
/// # Errors
/// Refused: an instance that is coming or going, or whose QEMU does not answer, and a pool that has no room for a copy.
pub fn source(ctx: &Ctx, instance: &Instance) -> Result<Source> {
    let (record, pool) = (&instance.record, &ctx.settings.host.pool);
    let name = &record.name;
    let not_now = |code, why: &str| Error::new(code, format!("instance `{name}` {why}")).hint("try again in a moment");
    if instance.phase.is_passing() {
        return Err(not_now(Code::NotSettled, &format!("is {}", instance.phase)));
    }
    let (is_up, consistency) = match state_of(ctx, instance)? {
        state if disk_copy::is_up(state) => (true, Consistency::Crash),
        DomainState::Off => (false, Consistency::Stopped),
        DomainState::Crashed => (false, Consistency::Crash),
        DomainState::Unresponsive => return Err(unresponsive(name)),
        DomainState::ShuttingDown => return Err(not_now(Code::DomainStopping, "is going down")),
        _ => return Err(not_now(Code::NotSettled, "is in a state that lite does not know")),
    };
    require_disks(ctx, instance)?;
    if record.lies_on.is_some() {
        return Err(lies_on_another(name, is_up));
    }
    let volume = plan::root_disk(record);
    let root = ctx.hypervisor.volume(pool, &volume)?.ok_or_else(|| no_volume(&volume))?;
    let disks = given(ctx, record)?;
    let image = image_volume(ctx, instance)?;
    let image_path = volume_path(ctx, &image)?;
    let source = Source { root, image: (image, image_path), disks, is_up, consistency };
    for device in source.devices().filter(|_| is_up) {
        if ctx.hypervisor.block_job(record.uuid, device)?.is_some() {
            return Err(not_now(Code::DomainBusy, "has a block job on its disk already"));
        }
    }
    let view = host::view(ctx, &NetworkMode::Bridge(String::new()))?;
    let (held, overcommit) = (ctx.store.allocated(&ctx.host_id())?, &ctx.settings.host.overcommit);
    let (what, in_pool) = (format!("a snapshot of instance `{name}`"), (&view.pool, view.used_by_disks));
    capacity::check_copy(&what, source.takes().as_bytes(), in_pool, &held, overcommit)?;
    Ok(source)
}

/// The disks that an instance was given, as they are now.
///
/// # Errors
/// One is not known, or its volume is gone.
pub fn given(ctx: &Ctx, record: &Record) -> Result<Vec<Given>> {
    let mut all = Vec::new();
    for attached in &record.disks {
        let Some(port) = DiskPort::of(attached) else { continue };
        let disk = ctx.store.given_disk(attached.disk)?;
        let name = plan::disk_volume(disk.id, attached.volume);
        let volume = ctx.hypervisor.volume(&ctx.settings.host.pool, &name)?.ok_or_else(|| no_volume(&name))?;
        let size = Size::bytes(volume.capacity);
        let copied = CopiedDisk { disk: disk.id, name: disk.name, size, mount: attached.mount.clone() };
        all.push(Given { copied, volume, device: port.device });
    }
    Ok(all)
}

/// A copy would hold only what the disk holds beside the other snapshot.
fn lies_on_another(name: &Name, is_up: bool) -> Error {
    let text = format!("the disk of instance `{name}` still lies on the snapshot that it was made from");
    let error = Error::new(Code::DomainBusy, text);
    match is_up {
        true => error.hint("it will be its own in a moment: try again then"),
        false => error.hint(Hint::from("it becomes its own while the instance runs: ").run_with(Verb::Start, &[name])),
    }
}

/// The error of a volume that is gone.
pub fn no_volume(volume: &str) -> Error {
    Error::new(Code::NoVolume, format!("libvirt has no volume `{volume}`"))
}
