//! Snapshots in a remote: three things that restic keeps, of which the last, the manifest, makes the snapshot. An image is there once, for
//! all snapshots that lie on it. What comes from a remote may have been written by others: it is taken by its form alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
    sync::atomic::AtomicBool,
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Ctx,
    hashed::{Content, Hashed},
    manifest::{ExportedSecret, are_plain, portable},
    remote::open,
};
use crate::{
    catalog::Blueprint,
    image::{
        VIRTUAL_SIZE_MAX, check_id,
        restic::{Kept, Repository, Tags},
        volume_name,
    },
    model::{
        Code, CopiedDisk, Disk, DiskAttachment, Error, Hint, Name, Observer, Remote, Result, Settings, Snapshot, Verb,
        escaped,
    },
};

/// The files, as restic has them.
pub const IMAGE: &str = "image.qcow2";
/// The overlay.
pub const DISK: &str = "disk.qcow2";
/// A disk that the instance had been given.
pub const DATA: &str = "data.qcow2";
/// What makes a snapshot.
pub const MANIFEST: &str = "lite.json";
/// Most bytes of a manifest.
pub const MOST: usize = 4 << 20;

/// What a push takes at most: what lies there longer and makes no snapshot was cut off.
const LONGEST_PUSH: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Most disks of an instance.
const DISKS_MAX: usize = DiskAttachment::MOST as usize;
/// What every manifest begins with.
const FORMAT: &str = "lite-snapshot";
/// Version of its shape.
const VERSION: u32 = 1;

/// What is kept of a snapshot beside its files. It holds passwords: it lies in what is encrypted alone.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: String,
    version: u32,
    /// The snapshot, without what its instance had of its host alone.
    pub snapshot: Snapshot,
    /// The blueprint of its instance.
    pub blueprint: Blueprint,
    /// The parameters.
    pub parameters: BTreeMap<String, String>,
    /// The passwords that lite made: the disk holds them too, and an instance that is made from it shows them.
    pub secrets: Vec<ExportedSecret>,
    /// The path of the image in the overlay's header.
    pub backing: String,
    /// The image.
    pub image: Content,
    /// The overlay.
    pub disk: Content,
    /// The disks that the instance had been given, in the order of the snapshot's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disks: Vec<Content>,
}

impl Manifest {
    /// That of a snapshot.
    pub fn new(
        snapshot: Snapshot,
        (blueprint, parameters): (Blueprint, BTreeMap<String, String>),
        secrets: Vec<ExportedSecret>,
        backing: String,
        ([image, disk], disks): ([Content; 2], Vec<Content>),
    ) -> Self {
        let snapshot = Snapshot { record: portable(snapshot.record), ..snapshot };
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            snapshot,
            blueprint,
            parameters,
            secrets,
            backing,
            image,
            disk,
            disks,
        }
    }

    /// Its text.
    pub fn text(&self) -> Result<Vec<u8>> {
        let text = serde_json::to_vec_pretty(self);
        text.map_err(|e| Error::new(Code::Json, "cannot write what a snapshot holds").cause(e))
    }

    /// Reads one, of a snapshot that the remote tells of.
    ///
    /// # Errors
    /// [`Code::RemoteDamaged`]: it has not the form of one, or tells of another.
    pub fn read(text: &[u8], told: &OffSite) -> Result<Self> {
        let damaged = |why: String| {
            Error::new(Code::RemoteDamaged, format!("what the remote tells of snapshot `{}` is damaged", told.name))
                .cause(why)
        };
        let read: Self = serde_json::from_slice(text).map_err(|e| damaged(e.to_string()))?;
        let Self { snapshot, image, disk, disks, .. } = &read;
        let fits = |content: &Content| {
            content.sha256.len() == 64
                && content.sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
                && (1..=VIRTUAL_SIZE_MAX).contains(&content.length)
        };
        let faults = [
            (read.format != FORMAT || read.version != VERSION, "it is none of this lite's"),
            (snapshot.id != told.id || snapshot.name != told.name, "it is of another snapshot"),
            (
                ![image, disk].into_iter().chain(disks).all(fits) || image.sha256 != told.image,
                "a digest or a size is none",
            ),
            (
                disks.len() != snapshot.disks.len() || disks.len() != told.disks.len(),
                "its disks are not those that are there",
            ),
            (!are_disks(&snapshot.disks), "its disks are none that an instance can have"),
            (!(1..=VIRTUAL_SIZE_MAX).contains(&snapshot.size.as_bytes()), "the disk has no size that one has"),
            (snapshot.consistency.is_none(), "it was not whole"),
            (check_id(&snapshot.record.base).is_err(), "its image has no name of one"),
            (snapshot.image != volume_name(base_of(&snapshot.image), &image.sha256), "its image is another"),
            (!are_plain(&read.secrets), "its passwords are none that lite makes"),
            (read.backing.len() > 1023, "the path of its image is too long"),
        ];
        read.blueprint.check_foreign()?;
        match faults.iter().find(|(is_so, _)| *is_so) {
            Some((_, why)) => Err(damaged((*why).to_owned())),
            None => Ok(Self { snapshot: Snapshot { record: portable(read.snapshot.record), ..read.snapshot }, ..read }),
        }
    }
}

/// What a copy of a disk that the instance had been given is told by.
pub fn data(n: usize) -> String {
    format!("data-{n}")
}

/// Whether an instance can have had them: each once, of a size that one has.
fn are_disks(disks: &[CopiedDisk]) -> bool {
    let ids: BTreeSet<Uuid> = disks.iter().map(|one| one.disk).collect();
    let names: BTreeSet<&Name> = disks.iter().map(|one| &one.name).collect();
    let is_one = |one: &CopiedDisk| Disk::check_size(one.size).is_ok();
    disks.len() <= DISKS_MAX && ids.len() == disks.len() && names.len() == disks.len() && disks.iter().all(is_one)
}

/// The id of an image, in the name of its volume.
pub fn base_of(volume: &str) -> &str {
    let id = volume.strip_prefix("base-").and_then(|rest| rest.rsplit_once('-'));
    id.map_or("", |(id, _)| id)
}

/// The bytes of a volume, and about how many they are.
pub fn volume_bytes(ctx: &Ctx, volume: &str) -> Result<(Box<dyn Read + Send>, Option<u64>)> {
    let pool = &ctx.settings.host.pool;
    let seen = ctx.hypervisor.volume(pool, volume)?;
    Ok((ctx.hypervisor.download(pool, volume)?, seen.map(|seen| seen.allocation)))
}

/// What a volume holds.
pub fn content_of(ctx: &Ctx, volume: &str, observer: &mut dyn Observer) -> Result<Content> {
    let (mut bytes, total) = volume_bytes(ctx, volume)?;
    let mut hashed = Hashed::new(&mut bytes, total, observer);
    let failed = |e| Error::new(Code::Read, format!("cannot read volume `{volume}`")).cause(e);
    std::io::copy(&mut hashed, &mut std::io::sink()).map_err(failed)?;
    Ok(hashed.content())
}

/// A snapshot that is whole in a remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffSite {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: Name,
    /// The instance, as it was called then.
    pub instance: Name,
    /// The instance it is of.
    pub source: Uuid,
    /// The watcher made it by itself.
    pub automatic: bool,
    /// The watcher copied it by itself: it goes by itself too.
    pub kept_by_watcher: bool,
    /// When the disk was as it is there.
    pub taken_at: Timestamp,
    /// The SHA-256 of the image.
    pub image: String,
    /// The operation that kept its image.
    image_by: String,
    /// The manifest.
    pub manifest: Kept,
    /// The overlay.
    pub disk: Kept,
    /// The image.
    pub image_file: Kept,
    /// The disks that the instance had been given.
    pub disks: Vec<Kept>,
}

impl OffSite {
    /// What it is made of beside its manifest.
    fn parts(&self) -> impl Iterator<Item = &Kept> {
        [&self.disk, &self.image_file].into_iter().chain(&self.disks)
    }
}

/// What lite writes beside each thing that it keeps: what it is, and by which operation of which remote of which host.
pub fn tags(kind: &str, remote: &Remote, operation: &str) -> Tags {
    Tags::default().with("kind", kind).with("by", remote.id).with("op", operation)
}

/// What it writes beside a manifest; `image_by`: the operation that kept the image, `by_watcher`: nobody asked for the copy.
pub fn manifest_tags(base: Tags, snapshot: &Snapshot, (image, image_by): (&str, &str), by_watcher: bool) -> Tags {
    base.with("by-watcher", by_watcher)
        .with("disks", snapshot.disks.len())
        .with("id", snapshot.id)
        .with("name", &snapshot.name)
        .with("instance", &snapshot.record.name)
        .with("source", snapshot.record.uuid)
        .with("automatic", snapshot.automatic)
        .with("taken", snapshot.created_at)
        .with("image", image)
        .with("image-op", image_by)
}

/// All that a remote keeps.
pub struct Contents {
    all: Vec<Kept>,
    /// The snapshots that are whole, the oldest first.
    pub snapshots: Vec<OffSite>,
}

/// What a remote keeps.
///
/// # Errors
/// It is not reached, or shows another key; those of restic.
pub fn contents(settings: &Settings, remote: &Remote, cancel: &AtomicBool) -> Result<Contents> {
    Contents::of(&open(settings, remote, cancel)?)
}

impl Contents {
    /// Asks for it.
    ///
    /// # Errors
    /// Those of restic.
    pub fn of(repository: &Repository<'_>) -> Result<Self> {
        Ok(Self::read(repository.kept()?))
    }

    fn read(all: Vec<Kept>) -> Self {
        let by = |kind: &str, operation: &str| {
            let is = |kept: &&Kept| kept.tags.get("kind") == Some(kind) && kept.tags.get("op") == Some(operation);
            all.iter().find(is).cloned()
        };
        let whole = |manifest: &Kept| {
            let get = |key: &str| manifest.tags.get(key);
            let _ = get("kind").filter(|kind| *kind == "snapshot")?;
            let (operation, image_by) = (get("op")?, get("image-op")?);
            // An earlier lite copied none.
            let disks = get("disks").map_or(Ok(0), str::parse).ok().filter(|count| *count <= DISKS_MAX)?;
            Some(OffSite {
                id: Uuid::try_parse(get("id")?).ok()?,
                name: Name::parse(get("name")?).ok()?,
                instance: Name::parse(get("instance")?).ok()?,
                source: Uuid::try_parse(get("source")?).ok()?,
                automatic: get("automatic")? == "true",
                // An earlier lite's copies were all asked for.
                kept_by_watcher: get("by-watcher") == Some("true"),
                taken_at: get("taken")?.parse().ok()?,
                image: get("image")?.to_owned(),
                image_by: image_by.to_owned(),
                manifest: manifest.clone(),
                disk: by("disk", operation)?,
                image_file: by("image", image_by)?,
                disks: (0..disks).map(|n| by(&data(n), operation)).collect::<Option<_>>()?,
            })
        };
        let mut snapshots: Vec<OffSite> = all.iter().filter_map(whole).collect();
        snapshots.sort_by(|a, b| (a.taken_at, &a.name, a.id).cmp(&(b.taken_at, &b.name, b.id)));
        Self { all, snapshots }
    }

    /// The image of a digest that a whole snapshot lies on: the operation that kept it.
    pub fn image(&self, digest: &str) -> Option<&str> {
        let found = self.snapshots.iter().find(|one| one.image == digest);
        found.map(|one| one.image_by.as_str())
    }

    /// What pushes that were cut off left: all that no whole snapshot is made of, where this host's remote kept it, or somebody who would
    /// be through by now.
    pub fn leftovers(&self, remote: &Remote, now: Timestamp) -> Vec<&Kept> {
        let own = remote.id.to_string();
        let is_left = |kept: &&Kept| kept.tags.get("by") == Some(&own) || now.duration_since(kept.at) > LONGEST_PUSH;
        self.all.iter().filter(|kept| is_left(kept) && !self.is_used(kept)).collect()
    }

    /// What is there of snapshots that are none any more, and of no other.
    pub fn freed_by(&self, gone: &[OffSite]) -> Vec<&Kept> {
        let was_theirs = |kept: &Kept| gone.iter().any(|one| one.parts().any(|part| part == kept));
        self.all.iter().filter(|kept| was_theirs(kept) && !self.is_used(kept)).collect()
    }

    fn is_used(&self, kept: &Kept) -> bool {
        self.snapshots.iter().any(|one| one.manifest == *kept || one.parts().any(|part| part == kept))
    }

    /// The snapshot of a name, or of an id.
    ///
    /// # Errors
    /// There is none, or several have the name.
    pub fn require(&self, remote: &Name, name: &str) -> Result<&OffSite> {
        let is_named = |one: &&OffSite| one.name.as_str() == name || one.id.to_string() == name;
        let found: Vec<&OffSite> = self.snapshots.iter().filter(is_named).collect();
        let shown = Hint::new().run_with(Verb::RemoteSnapshots, &[remote]).text(" shows all");
        match found.as_slice() {
            [one] => Ok(one),
            [] => {
                let text = format!("remote `{remote}` has no snapshot `{}`", escaped(name));
                Err(Error::new(Code::NoSuchSnapshot, text).hint(shown))
            }
            several => {
                let text = format!("remote `{remote}` has {} snapshots `{}`", several.len(), escaped(name));
                Err(Error::new(Code::Usage, text).hint(Hint::from("name it by its id: ").then(shown)))
            }
        }
    }
}

/// Lets go of what pushes that died have left, their locks first; what is there then.
///
/// # Errors
/// Those of restic.
pub fn tidy(repository: &Repository<'_>, remote: &Remote, now: Timestamp) -> Result<Contents> {
    repository.unlock()?;
    let there = Contents::of(repository)?;
    repository.forget(&there.leftovers(remote, now))?;
    Ok(there)
}

/// The same, where the remote is reached: what stays is let go of by the next push.
pub fn tidy_if_reached(ctx: &Ctx, remote: &Remote) {
    let _ = open(&ctx.settings, remote, &ctx.cancel).and_then(|repository| tidy(&repository, remote, ctx.now()));
}
