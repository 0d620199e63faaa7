//! Makes the virtual machine of what was reserved: its steps, each journalled.

use std::io::Read as _;

use super::{
    Ctx, disk,
    execute::Payload,
    images,
    journal::{self, Run},
    provision::Job,
    request::CopyOf,
};
use crate::{
    image::{self, Image, Memory},
    model::{Code, Error, Result, SaveImage},
    plan::{self, DomainPlan, OwnedKind, Place, Sources, Step},
};

/// Makes everything on `image`, up to the running domain.
///
/// # Errors
/// The step that failed; what was begun is in `job.started`, for [`super::provision::abandon`].
pub fn make(ctx: &mut Ctx, job: &mut Job, image: &Image) -> Result<()> {
    let (image_path, copied) = under(ctx, job, image)?;
    let seed = job.seed.len() as u64;
    let steps = with_plan(ctx, job, (&image_path, copied.as_deref()), |plan, place| {
        plan::create(plan, place, &Sources { image_path: Some(&image_path), seed_bytes: Some(seed) })
    })?;
    let bytes = std::mem::take(&mut job.seed);
    let made = carry_out(ctx, job, &steps, &Payload::of(OwnedKind::Seed, &bytes));
    job.seed = bytes;
    made
}

/// The same by going on from the memory of a machine that ran on `image`. What was begun of it is undone where that fails, and the machine
/// may be made otherwise.
///
/// # Errors
/// The step that failed; `interrupted`; or `undo_failed`.
pub fn make_warm(ctx: &mut Ctx, job: &mut Job, image: &Image, memory: &Memory) -> Result<()> {
    let Some((seed, identity)) = job.identity.take() else {
        return Err(Error::new(Code::InvalidSavedMemory, "this instance does not know before who it is"));
    };
    let (image_path, _) = under(ctx, job, image)?;
    let sources = Sources { image_path: Some(&image_path), seed_bytes: Some(seed.len() as u64) };
    let path = job.volume_path(&plan::saved_memory(&job.record));
    let volume = image::memory_name(&image.volume);
    let memory = plan::Memory { volume: &volume, bytes: memory.size, path: &path };
    let of = (image_path.as_str(), None);
    let steps = with_plan(ctx, job, of, |plan, place| plan::create_warm(plan, place, &sources, memory))?;
    let run = with_plan(ctx, job, of, |plan, _| {
        plan::domain_xml(&DomainPlan { is_warm: true, unplugged: true, ..plan.clone() })
    })?;
    let head = head_of(ctx, &volume)?.head(&run)?;
    let payload = Payload::of(OwnedKind::Seed, &seed).and(OwnedKind::SavedMemory, &head).telling(&identity);
    let made = carry_out(ctx, job, &steps, &payload);
    if made.as_ref().is_err_and(|error| error.code != Code::Interrupted) {
        journal::roll_back(ctx, &job.operation.id, &job.started)?;
    }
    made
}

/// The head of saved memory.
fn head_of(ctx: &Ctx, volume: &str) -> Result<SaveImage> {
    let mut bytes = vec![0; SaveImage::FIXED];
    let mut from = ctx.hypervisor.download(&ctx.settings.host.pool, volume)?;
    let unreadable = |e| Error::failed(Code::FileUnreadable, format!("cannot read volume `{volume}`")).cause(e);
    from.read_exact(&mut bytes).map_err(unreadable)?;
    bytes.resize(SaveImage::length(&bytes)?, 0);
    from.read_exact(&mut bytes[SaveImage::FIXED..]).map_err(unreadable)?;
    SaveImage::parse(&bytes)
}

/// Looks once more, and has the row keep the image: its path, and that of the snapshot on it that the disk is a copy of.
fn under(ctx: &mut Ctx, job: &mut Job, image: &Image) -> Result<(String, Option<String>)> {
    disk::check_again(ctx, job.record.memory)?;
    job.record.image_digest.clone_from(&image.digest);
    let held = images::hold(ctx, &job.request, image)?;
    ctx.store.set_image(&job.record, &image.volume)?;
    // From here on the row keeps it.
    drop(held);
    ctx.images()?.take_back(&image.volume)?;
    let copied = job.request.copy_of.as_ref().and_then(CopyOf::snapshot);
    let copied = copied.map(|snapshot| job.volume_path(&plan::snapshot_disk(snapshot.id)));
    let image_path = if copied.is_some() { job.volume_path(&image.volume) } else { image.path.clone() };
    Ok((image_path, copied))
}

/// What is made of the plan of the domain.
fn with_plan<T>(
    ctx: &Ctx,
    job: &Job,
    (image, snapshot): (&str, Option<&str>),
    make: impl FnOnce(&DomainPlan<'_>, Place<'_>) -> Result<T>,
) -> Result<T> {
    let plan = DomainPlan {
        record: &job.record,
        attached: &plan::attached(&job.record, ctx.place(), |volume| Ok(job.volume_path(volume)))?,
        image: Some(image),
        snapshot,
        network: &ctx.settings.host.network,
        kvm: job.kvm,
        arch: &job.view.info.arch,
        machine: job.view.info.q35.then_some("q35"),
        unplugged: job.unplugged,
        is_warm: job.is_template,
    };
    make(&plan, ctx.place())
}

fn carry_out(ctx: &mut Ctx, job: &mut Job, steps: &[Step], payload: &Payload<'_>) -> Result<()> {
    let id = job.operation.id.clone();
    let mut run = Run { operation: &id, started: std::mem::take(&mut job.started) };
    let result = steps.iter().try_for_each(|step| match ctx.cancelled() {
        true => Err(Error::new(Code::Interrupted, "interrupted")),
        false => journal::step(ctx, &mut run, step, payload),
    });
    job.started = run.started;
    result
}
