//! Makes a bootable Debian image from signed packages alone.
//!
//! mmdebstrap fills a folder, mkfs puts it into a raw disk at an offset (partition nodes do not exist on every host), extlinux
//! goes into the mounted file system, qemu-img packs the disk. All of it happens in one folder that is removed at any end.

mod disk;
mod root;
mod workdir;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use super::Lock;
use super::import::check_qcow2;
use super::tools::{self, Need};
use super::{Image, Images, Origin};
use super::{
    files::check_id,
    registry::{self, adopt, begin},
};
use crate::model::{Code, Error, Observer, Result, Stage, escaped};
use crate::{clock::Clock, kill_point};
use workdir::Workdir;

pub(super) use workdir::clear_once;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const BOOT_CODE: &str = "/usr/lib/EXTLINUX/mbr.bin";
const NEEDS: [Need; 10] = [
    Need("mmdebstrap", "mmdebstrap"),
    Need(KEYRING, "debian-archive-keyring"),
    Need("extlinux", "extlinux"),
    Need(BOOT_CODE, "extlinux"),
    Need("mkfs.ext4", "e2fsprogs"),
    Need("setpriv", "util-linux"),
    Need("unshare", "util-linux"),
    Need("mount", "mount"),
    Need("umount", "mount"),
    Need("qemu-img", "qemu-utils"),
];

/// The images that can be made, and the distribution's name for each.
const SUITES: [(&str, &str); 2] = [("debian-12", "bookworm"), ("debian-13", "trixie")];

/// What goes into the image besides the essential packages.
const PACKAGES: [&str; 16] = [
    "linux-image-cloud-amd64",
    "systemd-sysv",
    "systemd-resolved",
    "udev",
    "dbus",
    "cloud-init",
    "openssh-server",
    "netplan.io",
    "iproute2",
    "ca-certificates",
    "sudo",
    "qemu-guest-agent",
    "e2fsprogs",
    "cloud-guest-utils",
    "fdisk",
    "locales",
];

/// What to make.
#[derive(Clone, Copy)]
pub struct BuildRequest<'a> {
    /// Where images are made and kept.
    pub images: &'a Images,
    /// One of [`buildable`].
    pub id: &'a str,
    /// Mirror of the distribution's packages, `http://deb.debian.org/debian`; security updates come from the same address with
    /// `-security` appended.
    pub mirror: &'a str,
    /// Make it again where it is there already.
    pub force: bool,
    /// Says when the image was made.
    pub clock: &'a dyn Clock,
}

/// The ids that [`build`] knows.
pub fn buildable() -> impl Iterator<Item = &'static str> {
    SUITES.iter().map(|(id, _)| *id)
}

/// Makes an image, or gives back the one that is there. Needs root, and a mirror that is reached.
pub fn build(request: BuildRequest, cancel: &AtomicBool, observer: &mut dyn Observer) -> Result<Image> {
    let BuildRequest { images, id, mirror, force, clock } = request;
    check_id(id)?;
    let suite = suite(id)?;
    let mirror = check_mirror(mirror)?;
    if !force && let Some(image) = registry::get(images, id)? {
        return Ok(image);
    }
    if std::env::consts::ARCH != "x86_64" {
        return Err(Error::new(
            Code::ArchUnsupported,
            format!("cannot make images on {}, only on x86_64", std::env::consts::ARCH),
        ));
    }
    if !rustix::process::geteuid().is_root() {
        return Err(
            Error::new(Code::NotRoot, "making an image needs root").hint(format!("`sudo lite image build {id}`"))
        );
    }
    tools::require(&NEEDS)?;

    let (lock, ready) = begin(images, id, force, cancel, observer)?;
    if let Some(image) = ready {
        return Ok(image);
    }
    workdir::sweep(images.work(), id)?;
    let work = Workdir::new(images.work(), id)?;
    kill_point::reached("intent");
    let image = make(&work, &lock, suite, mirror, cancel, observer).and_then(|file| {
        observer.begin(Stage::Checking);
        check_qcow2(&file, cancel)?;
        adopt(images, id, &file, Origin::Built, Some(mirror.to_owned()), clock.now())
    });
    match (image, work.remove()) {
        (Ok(image), Ok(())) => Ok(image),
        (Ok(_), Err(e)) => Err(e),
        (Err(e), Ok(())) => Err(e),
        (Err(e), Err(left)) => Err(e.hint(format!("{left}; the next build of `{id}` removes it"))),
    }
}

/// The steps; gives the finished file, still in the working folder.
fn make(
    work: &Workdir,
    lock: &Lock,
    suite: &str,
    mirror: &str,
    cancel: &AtomicBool,
    observer: &mut dyn Observer,
) -> Result<PathBuf> {
    observer.begin(Stage::Packages);
    let root = work.folder("root", 0o755)?;
    let scratch = work.folder("tmp", 0o711)?;
    let mut command = tools::family("mmdebstrap");
    // Should this process be killed, the lock stays held until the last that writes in the folder is gone, and the next build waits.
    command.env("TMPDIR", &scratch).stdin(lock.share()?);
    command.args(["--mode=root", "--format=directory", "--variant=minbase", "--architectures=amd64"]);
    command.arg(format!("--keyring={KEYRING}")).arg(format!("--include={}", PACKAGES.join(",")));
    command.arg(suite).arg(&root);
    command.args(root::sources(suite, mirror).iter().map(|(uri, suite)| format!("deb {uri} {suite} main")));
    tools::run(&mut command, cancel).map_err(|e| match e.code {
        Code::ToolFailed => {
            e.hint(format!("check that the mirror is reached: `curl -I {mirror}/dists/{suite}/InRelease`"))
        }
        _ => e,
    })?;

    observer.begin(Stage::FirstBoot);
    root::prepare(&root, suite, mirror)?;

    observer.begin(Stage::MakeDisk);
    let disk = work.path("disk.raw");
    disk::make(work, &root, &disk, cancel)?;

    observer.begin(Stage::Compressing);
    let packed = work.path("disk.qcow2");
    let mut command = tools::command("qemu-img");
    command.args(["convert", "-f", "raw", "-O", "qcow2", "-c", "-o", "compression_type=zstd"]).arg(&disk).arg(&packed);
    tools::run(&mut command, cancel)?;
    Ok(packed)
}

fn suite(id: &str) -> Result<&'static str> {
    SUITES.iter().find(|(known, _)| *known == id).map(|(_, suite)| *suite).ok_or_else(|| {
        let known: Vec<&str> = buildable().collect();
        Error::new(Code::ImageUnknown, format!("no image `{}` can be made here", escaped(id)))
            .hint(format!("those that can: {}", known.join(", ")))
    })
}

/// A mirror goes into files of the image: an address without spaces, brackets or passwords.
fn check_mirror(mirror: &str) -> Result<&str> {
    let rest = mirror.strip_prefix("http://").or_else(|| mirror.strip_prefix("https://"));
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._~:/%-+".contains(&b);
    match rest {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_alphanumeric()) && rest.bytes().all(allowed) => {
            Ok(mirror.trim_end_matches('/'))
        }
        _ => Err(Error::new(Code::InvalidMirror, format!("`{}` is not the address of a mirror", escaped(mirror)))
            .hint("such as `LITE_MIRROR=http://deb.debian.org/debian`; no user or password in it")),
    }
}
