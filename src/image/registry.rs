//! The images of a host, as volumes of its pool.
//!
//! An image is `base-<id>-<digest12>.qcow2`; the sidecar `base-<id>.json` says which one is current. The sidecar is written
//! last, so an image without one is not there. An older version stays as long as the id does: disks may lie on it.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Images, Lock,
    digest::hash,
    files::{NOFOLLOW, check_id, for_qemu_alone, io},
    gate, hold, lock,
    memory::Memory,
    store::sidecar_name,
    users,
};
use crate::kill_point;
use crate::model::{Code, Error, Hint, Observer, Result, Verb};

/// Where an image came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Made here from signed packages.
    Built,
    /// The distribution's own, downloaded.
    Pulled,
    /// The operator's own file.
    Imported,
    /// A base with a blueprint's packages installed.
    Baked,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Built => "built",
            Self::Pulled => "pulled",
            Self::Imported => "imported",
            Self::Baked => "baked",
        })
    }
}

/// What went into a baked image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baked {
    /// SHA-256 over all that went in, in hex.
    pub key: String,
    /// Blueprint id.
    pub blueprint: String,
    /// Blueprint version.
    pub version: String,
    /// Base image id.
    pub base: String,
    /// Parameters that the install part reads, with their values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
}

impl Baked {
    /// The id of the image: `BLUEPRINT.BASE.KEY12`, the names cut where they are long. No name of a user's holds a `.`, so
    /// it meets no other.
    pub fn id(&self) -> String {
        let cut = |text: &str| text.chars().take(24).collect::<String>();
        let key: String = self.key.chars().take(12).collect();
        format!("{}.{}.{key}", cut(&self.blueprint), cut(&self.base))
    }
}

/// An image on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Image {
    /// What it is called: `debian-13`.
    pub id: String,
    /// Where the file is on the host.
    pub path: String,
    /// SHA-256 of the file, in hex.
    pub digest: String,
    /// Name of the volume.
    pub volume: String,
    /// Size of the file, bytes.
    pub size: u64,
    /// Size of the disk inside, bytes.
    pub virtual_size: u64,
    /// How it came here.
    pub origin: Origin,
    /// When it came here.
    pub created_at: Timestamp,
    /// Mirror, address or file it was made from.
    pub source: Option<String>,
    /// What went into it, of a baked one.
    pub baked: Option<Baked>,
    /// The memory of a machine that runs on it.
    pub memory: Option<Memory>,
}

/// The sidecar as written. The path is not in it: the folder may move.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sidecar {
    digest: String,
    size: u64,
    virtual_size: u64,
    origin: Origin,
    created_at: Timestamp,
    source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    baked: Option<Baked>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    memory: Option<Memory>,
}

/// All images that can be read, by id.
pub fn list(images: &Images) -> Result<Vec<Image>> {
    each(images).map(|all| all.into_iter().filter_map(|image| image.ok().flatten()).collect())
}

/// What is wrong with those that are damaged, by id.
pub fn damaged(images: &Images) -> Result<Vec<Error>> {
    each(images).map(|all| all.into_iter().filter_map(Result::err).collect())
}

/// Every image that has a sidecar, by id; an error of one is that of a damaged one.
fn each(images: &Images) -> Result<Vec<Result<Option<Image>>>> {
    let id = |name: &str| Some(name.strip_prefix("base-")?.strip_suffix(".json")?.to_owned());
    let mut ids: Vec<String> = images.store().entries()?.iter().filter_map(|entry| id(&entry.name)).collect();
    ids.retain(|id| check_id(id).is_ok());
    ids.sort();
    let read = |id: &String| match get(images, id) {
        Err(e) if e.code != Code::ImageDamaged => Err(e),
        read => Ok(read),
    };
    ids.iter().map(read).collect()
}

/// The current image of an id. One whose file was removed by hand is not there.
pub fn get(images: &Images, id: &str) -> Result<Option<Image>> {
    check_id(id)?;
    let damaged = |cause: String| {
        Error::failed(Code::ImageDamaged, format!("image `{id}` is damaged"))
            .cause(cause)
            .hint(Hint::from("remove it and bring it again: ").run_with(Verb::ImageRemove, &[&id]))
    };
    let text = match images.store().sidecar(id) {
        Ok(Some(text)) => text,
        Ok(None) => return Ok(None),
        Err(e) if e.code == Code::ImageIo => return Err(damaged(e.to_string())),
        Err(e) => return Err(e),
    };
    let at = sidecar_name(id);
    let sidecar: Sidecar = serde_json::from_slice(&text).map_err(|e| damaged(format!("`{at}`: {e}")))?;
    if sidecar.digest.len() != 64 || !is_hex(&sidecar.digest) {
        return Err(damaged(format!("`{at}`: the digest is not a SHA-256 in hex")));
    }
    let Some(file) = images.store().find(&volume_name(id, &sidecar.digest))? else { return Ok(None) };
    if file.length.is_some_and(|length| length != sidecar.size) {
        return Err(damaged(format!("`{}` is not the file of {} bytes it was", file.path, sidecar.size)));
    }
    Ok(Some(image(id, file.path, sidecar)))
}

/// Whether the file of an image is still one: the current version, or an older one of an id that is there.
pub fn is_there(images: &Images, image: &Image) -> Result<bool> {
    Ok(images.store().sidecar(&image.id)?.is_some() && images.store().find(&image.volume)?.is_some())
}

/// The volumes of all versions of an image.
pub fn versions(images: &Images, id: &str) -> Result<Vec<String>> {
    let entries = images.store().entries()?;
    Ok(entries.into_iter().map(|entry| entry.name).filter(|name| is_version(id, name)).collect())
}

/// Refused if an instance's disk lies on a version of an image. `users` names the instances on a volume.
pub fn refuse_used(images: &Images, id: &str, users: &dyn Fn(&str) -> Result<Vec<String>>) -> Result<()> {
    let mut in_use = Vec::new();
    for volume in versions(images, id)? {
        in_use.extend(users(&volume)?);
    }
    users::refuse(id, in_use)
}

/// Writes down that a machine went on from the memory of an image. The image as it is then.
///
/// # Errors
/// It is gone, or its record cannot be written.
pub fn set_tried(images: &Images, image: &Image) -> Result<Image> {
    let gone = || Error::failed(Code::NoImage, format!("image `{}` was removed meanwhile", image.id));
    let _lock = Lock::attempt(images.work(), &image.id)?.ok_or_else(gone)?;
    let mut now = get(images, &image.id)?.filter(|now| now.digest == image.digest).ok_or_else(gone)?;
    if let Some(memory) = &mut now.memory {
        memory.tried = true;
    }
    let Image { digest, size, virtual_size, origin, created_at, source, baked, memory, .. } = now.clone();
    let sidecar = Sidecar { digest, size, virtual_size, origin, created_at, source, baked, memory };
    write_sidecar(images, &image.id, &sidecar)?;
    Ok(now)
}

/// Removes an image with all its versions. `users` names the instances whose disks lie on a volume; with one, it is refused.
/// They are asked for while nobody can come to be one.
pub fn remove(images: &Images, id: &str, users: &dyn Fn(&str) -> Result<Vec<String>>) -> Result<Image> {
    check_id(id)?;
    let busy = || Error::new(Code::ImageBusy, format!("another process works on image `{id}`")).hint("try again later");
    let _lock = Lock::attempt(images.work(), id)?.ok_or_else(busy)?;
    let _alone = hold::alone(images.work(), id)?.ok_or_else(busy)?;
    refuse_used(images, id, users)?;
    let image = match get(images, id) {
        Ok(None) => {
            return Err(Error::new(Code::NoImage, format!("no image `{id}`"))
                .hint(Hint::from("see what is here: ").run(Verb::ImageList)));
        }
        Ok(Some(image)) => image,
        // A damaged one goes as well, told by what is left of it.
        Err(e) if e.code == Code::ImageDamaged => remains(id),
        Err(e) => return Err(e),
    };
    // Sidecar first: without it the image is not there, whatever happens next.
    kill_point::reached("intent");
    images.store().remove(&sidecar_name(id))?;
    kill_point::reached("effect");
    for entry in images.store().entries()? {
        if is_version(id, &entry.name) {
            images.store().remove(&entry.name)?;
            kill_point::reached("effect");
        }
    }
    Ok(image)
}

/// Makes `file`, in the work folder, the current image of `id`. The caller holds the [`lock`].
///
/// The file passes the gate again, is hashed, synced and put into the store; the sidecar follows last.
pub fn adopt(
    images: &Images,
    id: &str,
    file: &Path,
    origin: Origin,
    source: Option<String>,
    now: Timestamp,
) -> Result<Image> {
    keep(images, id, file, Provenance { origin, source, baked: None, memory: None, now })
}

/// The same for a baked one.
pub(super) fn adopt_baked(
    images: &Images,
    file: &Path,
    (baked, memory): (Baked, Option<Memory>),
    now: Timestamp,
) -> Result<Image> {
    let id = baked.id();
    keep(images, &id, file, Provenance { origin: Origin::Baked, source: None, baked: Some(baked), memory, now })
}

/// How an image came here.
struct Provenance {
    origin: Origin,
    source: Option<String>,
    baked: Option<Baked>,
    memory: Option<Memory>,
    now: Timestamp,
}

/// The same for the disk of an export, which has no sidecar and so is no image: it is there as long as a disk lies on it.
pub(super) fn adopt_disk(images: &Images, id: &str, file: &Path, now: Timestamp) -> Result<Image> {
    let (path, sidecar) =
        put(images, id, file, Provenance { origin: Origin::Imported, source: None, baked: None, memory: None, now })?;
    Ok(image(id, path, sidecar))
}

fn keep(images: &Images, id: &str, file: &Path, from: Provenance) -> Result<Image> {
    let (path, sidecar) = put(images, id, file, from)?;
    write_sidecar(images, id, &sidecar)?;
    Ok(image(id, path, sidecar))
}

fn write_sidecar(images: &Images, id: &str, sidecar: &Sidecar) -> Result<()> {
    let text = serde_json::to_vec_pretty(sidecar)
        .map_err(|e| Error::new(Code::ImageIo, "cannot write the sidecar").cause(e))?;
    images.store().set_sidecar(id, &text)
}

/// Puts a finished file into the store; where it is, and the sidecar that makes an image of it.
fn put(images: &Images, id: &str, file: &Path, from: Provenance) -> Result<(String, Sidecar)> {
    check_id(id)?;
    let Provenance { origin, source, baked, memory, now } = from;
    let failed = |e| io("keep", file, e);
    let mut open = OpenOptions::new().read(true).custom_flags(NOFOLLOW).open(file).map_err(failed)?;
    let size = open.metadata().map_err(failed)?.len();
    let (header, digest) = hash(&mut open).map_err(failed)?;
    let header = gate(&header, size)?;
    for_qemu_alone(&open).map_err(failed)?;
    open.sync_all().map_err(failed)?;

    let virtual_size = header.virtual_size;
    let sidecar = Sidecar { digest, size, virtual_size, origin, created_at: now, source, baked, memory };
    let path = images.store().put(&volume_name(id, &sidecar.digest), file)?;
    Ok((path, sidecar))
}

/// Takes the lock before work on an id, and gives the image that makes the work unnecessary: there already and not `force`d, or
/// made by the process that was waited for. Half-written files of killed processes are removed.
pub fn begin(
    images: &Images,
    id: &str,
    force: bool,
    cancel: &AtomicBool,
    observer: &mut dyn Observer,
) -> Result<(Lock, Option<Image>)> {
    // A damaged image is no reason to stop where it is replaced.
    let present = || match get(images, id) {
        Err(e) if force && e.code == Code::ImageDamaged => Ok(None),
        other => other,
    };
    let before = present()?;
    let lock = lock(images.work(), id, cancel, observer)?;
    let now = present()?;
    let made_by_the_other = lock.waited && now != before;
    if now.is_some() && (!force || made_by_the_other) {
        return Ok((lock, now));
    }
    let half = |name: &str| {
        ["import", "sidecar", "bake", "warm"].iter().any(|kind| name.starts_with(&format!(".{kind}-{id}_")))
    };
    let work = images.work();
    for entry in std::fs::read_dir(work).map_err(|e| io("read the folder", work, e))?.flatten() {
        if entry.file_name().to_str().is_some_and(half) {
            delete(&entry.path())?;
        }
    }
    for entry in images.store().entries()?.iter().filter(|entry| half(&entry.name)) {
        images.store().remove(&entry.name)?;
    }
    Ok((lock, None))
}

/// Name of the volume of an image.
pub fn volume_name(id: &str, digest: &str) -> String {
    format!("base-{id}-{}.qcow2", digest.get(..12).unwrap_or(digest))
}

fn image(id: &str, path: String, sidecar: Sidecar) -> Image {
    let Sidecar { digest, size, virtual_size, origin, created_at, source, baked, memory } = sidecar;
    let volume = volume_name(id, &digest);
    Image { id: id.to_owned(), path, digest, volume, size, virtual_size, origin, created_at, source, baked, memory }
}

/// A damaged image, as far as it can be told.
pub fn remains(id: &str) -> Image {
    let (digest, created_at) = (String::new(), Timestamp::UNIX_EPOCH);
    let origin = Origin::Imported;
    let sidecar =
        Sidecar { digest, size: 0, virtual_size: 0, origin, created_at, source: None, baked: None, memory: None };
    image(id, String::new(), sidecar)
}

/// `base-<id>-<12 hex>.qcow2`: the length tells ids apart that begin alike.
fn is_version(id: &str, name: &str) -> bool {
    is_version_of(name) == Some(id)
}

/// The id of an image file, or of the memory that goes with it; none for any other file.
pub(super) fn is_version_of(name: &str) -> Option<&str> {
    let stem = name.strip_suffix(".qcow2").or_else(|| name.strip_suffix(".sav"))?;
    let (id, digest) = stem.strip_prefix("base-")?.rsplit_once('-')?;
    (digest.len() == 12 && is_hex(digest) && check_id(id).is_ok()).then_some(id)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn delete(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(io("remove", path, e)),
        _ => Ok(()),
    }
}
