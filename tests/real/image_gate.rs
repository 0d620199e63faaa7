//! The gate in front of images, the registry and import, against files made to deceive.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use lite::image::{Header, Image, Images, Origin, adopt, gate, get, import, list, lock, remove};
use lite::model::{Error, Hint, Observer, Stage, Unobserved};
use proptest::prelude::*;

use crate::support::need;

crate::tests![
    a_file_that_stands_alone_passes,
    what_refers_to_other_files_is_refused,
    what_is_damaged_or_unknown_is_refused,
    other_formats_are_named,
    never_panics,
    import_keeps_a_copy_and_is_idempotent,
    import_refuses_what_is_no_file_of_its_own,
    the_sidecar_decides_and_is_not_believed_blindly,
    the_second_of_two_gets_what_the_first_made,
];

type Test = Result<(), Box<dyn std::error::Error>>;

const LEN: u64 = 1 << 20;

/// A header that passes: version 3, 64 KiB clusters, a disk of 1 GiB.
fn good() -> Vec<u8> {
    let mut header = vec![0; 1 << 16];
    header[..4].copy_from_slice(b"QFI\xfb");
    put32(&mut header, 4, 3);
    put32(&mut header, 20, 16);
    put64(&mut header, 24, 1 << 30);
    put32(&mut header, 36, 2);
    put64(&mut header, 40, 3 << 16);
    put64(&mut header, 48, 1 << 16);
    put32(&mut header, 56, 1);
    put32(&mut header, 96, 4);
    put32(&mut header, 100, 112);
    header
}

fn put32(header: &mut [u8], at: usize, value: u32) {
    header[at..at + 4].copy_from_slice(&value.to_be_bytes());
}

fn put64(header: &mut [u8], at: usize, value: u64) {
    header[at..at + 8].copy_from_slice(&value.to_be_bytes());
}

/// Code and message of the refusal of a header that was changed.
fn refusal(change: impl FnOnce(&mut Vec<u8>)) -> (String, String) {
    let mut header = good();
    change(&mut header);
    match gate(&header, LEN) {
        Ok(header) => ("passed".into(), format!("{header:?}")),
        Err(e) => {
            assert_eq!(e.exit_code(), 2);
            assert_ne!((e.code.as_str(), e.message.is_empty()), ("", true));
            (e.code.as_str().into(), e.message)
        }
    }
}

fn a_file_that_stands_alone_passes() {
    let expected = Header { version: 3, virtual_size: 1 << 30, cluster_size: 1 << 16, snapshots: 0 };
    assert_eq!(gate(&good(), LEN), Ok(expected));
    let mut old = good();
    put32(&mut old, 4, 2);
    old[72..112].fill(0);
    assert_eq!(gate(&old, LEN), Ok(Header { version: 2, ..expected }));
    let mut zstd = good();
    put64(&mut zstd, 72, 1 << 3);
    zstd[104] = 1;
    assert_eq!(gate(&zstd, LEN), Ok(expected));
    // An unknown extension may be skipped, says the specification.
    let mut extended = good();
    put32(&mut extended, 112, 0x6803_f857);
    put32(&mut extended, 116, 13);
    assert_eq!(gate(&extended, LEN), Ok(expected));
}

fn what_refers_to_other_files_is_refused() {
    assert_eq!(refusal(|h| put64(h, 8, 0x200)).0, "image_backing_file");
    assert_eq!(refusal(|h| put32(h, 16, 11)).0, "image_backing_file");
    assert_eq!(refusal(|h| put64(h, 72, 1 << 2)).0, "image_external_data");
    assert_eq!(refusal(|h| put32(h, 112, 0x4441_5441)).0, "image_external_data");
    // Behind another extension, and in a version 2 file.
    let behind = |h: &mut Vec<u8>| {
        put32(h, 112, 0x6803_f857);
        put32(h, 116, 13);
        put32(h, 112 + 8 + 16, 0x4441_5441);
    };
    assert_eq!(refusal(behind).0, "image_external_data");
    let old = |h: &mut Vec<u8>| {
        put32(h, 4, 2);
        put32(h, 72, 0x4441_5441);
    };
    assert_eq!(refusal(old).0, "image_external_data");
}

fn what_is_damaged_or_unknown_is_refused() {
    let message = |change: &dyn Fn(&mut Vec<u8>)| refusal(change).1;
    let text = |what: &str| format!("not an image lite can use: {what}");
    assert_eq!(message(&|h| put32(h, 4, 4)), text("qcow2 version 4, and only 2 and 3 exist"));
    assert_eq!(message(&|h| put32(h, 32, 1)), text("it is encrypted"));
    assert_eq!(message(&|h| put32(h, 112, 0x0537_be77)), text("it is encrypted"));
    assert_eq!(message(&|h| put64(h, 72, 1)), text("it is marked dirty: it was not closed properly, or is in use"));
    assert_eq!(message(&|h| put64(h, 72, 2)), text("it is marked corrupt"));
    assert_eq!(message(&|h| put64(h, 72, 1 << 5)), text("unknown incompatible features 0x20"));
    assert_eq!(message(&|h| put64(h, 72, 1 << 63)), text("unknown incompatible features 0x8000000000000000"));
    assert_eq!(message(&|h| put64(h, 24, 0)), text("a disk of 0 bytes, allowed are 1 byte to 64 TiB"));
    assert_eq!(
        message(&|h| put64(h, 24, (64 << 40) + 1)),
        text("a disk of 70368744177665 bytes, allowed are 1 byte to 64 TiB")
    );
    assert_eq!(message(&|h| put32(h, 20, 63)), text("clusters of 2^63 bytes, allowed are 2^9 to 2^21"));
    assert_eq!(
        message(&|h| put32(h, 100, 96)),
        text("a header of 96 bytes, at least 104 and a multiple of 8 is allowed")
    );
    assert_eq!(message(&|h| put64(h, 40, LEN)), text("its L1 table lies outside the file"));
    assert_eq!(message(&|h| put64(h, 48, u64::MAX << 16)), text("its refcount table lies outside the file"));
    assert_eq!(message(&|h| h.truncate(50)), text("its header is cut off"));
    let far = |h: &mut Vec<u8>| {
        put32(h, 112, 1);
        put32(h, 116, u32::MAX);
    };
    assert_eq!(message(&far), text("header extensions beyond the first cluster"));
    let many = |h: &mut Vec<u8>| (0..100).for_each(|n| put32(h, 112 + 8 * n, 1));
    assert_eq!(message(&many), text("more than 64 header extensions"));
}

fn other_formats_are_named() {
    let mut vdi = vec![b'<'; 68];
    vdi[64..].copy_from_slice(&[0x7f, 0x10, 0xda, 0xbe]);
    let mut raw = vec![0; 512];
    raw[510..].copy_from_slice(&[0x55, 0xaa]);
    let cases: [(&[u8], &str); 12] = [
        (b"", "an empty file"),
        (b"KDMV\x01", "a VMDK image"),
        (b"# Disk DescriptorFile\nversion=1", "a VMDK image"),
        (&vdi, "a VDI image"),
        (b"vhdxfile", "a VHDX image"),
        (b"conectix", "a VHD image"),
        (b"\n <!DOCTYPE html><html>", "a web page"),
        (&[0x1f, 0x8b, 8], "a gzip archive"),
        (b"\xfd7zXZ\0\0", "an xz archive"),
        (b"PK\x03\x04", "a zip archive"),
        (&raw, "a raw disk"),
        (b"root:x:0:0", "something unknown"),
    ];
    for (header, name) in cases {
        let error = gate(header, header.len() as u64).err().map(|e| (e.code.as_str(), e.message, e.hints.len()));
        assert_eq!(error, Some(("image_format", format!("not a qcow2 image: it is {name}"), 1)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// Any bytes, and good headers with any bytes written over, give an answer.
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in 0_usize..130, cut in 0_usize..400, len: u64) {
        let _ = gate(&bytes, len);
        let mut header = good();
        let end = (at + bytes.len().min(24)).min(header.len());
        header[at..end].copy_from_slice(&bytes[..end - at]);
        let full = gate(&header, len);
        let _ = gate(&header[..cut], len);
        if let Ok(full) = full {
            prop_assert!(header[8..20].iter().all(|b| *b == 0));
            prop_assert!(full.virtual_size <= 64 << 40);
            prop_assert_eq!(full.version == 3 && header[79] & 0b111 != 0, false);
        }
    }
}

fn qemu_img(args: &[&str], file: &Path) -> Test {
    let status = Command::new("qemu-img").args(args).arg(file).arg("8M").output()?.status;
    if status.success() { Ok(()) } else { Err(format!("qemu-img {args:?}: {status}").into()) }
}

fn images(dir: &Path) -> Images {
    Images::in_folder(dir)
}

fn bring(dir: &Path, file: &Path, force: bool) -> Result<Image, Error> {
    import(&images(dir), file, "golden", force, &lite::clock::SystemClock, &AtomicBool::new(false), &mut Unobserved)
}

fn names(dir: &Path) -> Result<Vec<String>, std::io::Error> {
    let mut names = std::fs::read_dir(dir)?
        .map(|e| Ok(e?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<_>, std::io::Error>>()?;
    names.sort();
    Ok(names)
}

fn import_keeps_a_copy_and_is_idempotent() -> Test {
    need::programs(&["qemu-img"]);
    let (dir, away) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let file = away.path().join("disk.qcow2");
    qemu_img(&["create", "-q", "-f", "qcow2"], &file)?;
    let image = bring(dir.path(), &file, false)?;
    assert_eq!((image.id.as_str(), image.origin, image.virtual_size), ("golden", Origin::Imported, 8 << 20));
    assert_eq!(image.source, Some(file.display().to_string()));
    assert_eq!(image.volume, format!("base-golden-{}.qcow2", &image.digest[..12]));
    assert_eq!(std::fs::read(&image.path)?, std::fs::read(&file)?);
    assert_eq!(names(dir.path())?, [".lock-golden", &image.volume, "base-golden.json"]);
    assert_eq!(list(&images(dir.path()))?, std::slice::from_ref(&image));

    // Again: as it was. By force: the new one is current, and the old one stays for the disks that lie on it.
    let other = away.path().join("other.qcow2");
    qemu_img(&["create", "-q", "-f", "qcow2", "-o", "cluster_size=4k"], &other)?;
    assert_eq!(bring(dir.path(), &other, false)?, image);
    let second = bring(dir.path(), &other, true)?;
    assert_ne!(second.digest, image.digest);
    assert_eq!(get(&images(dir.path()), "golden")?, Some(second.clone()));
    assert!(Path::new(&image.path).exists());

    let used =
        remove(&images(dir.path()), "golden", &|_| Ok(vec!["blog".into(), "shop".into()])).err().ok_or("removed")?;
    assert_eq!((used.code.as_str(), used.exit_code()), ("image_in_use", 2));
    assert_eq!(used.message, "image `golden` is in use by blog, shop");
    assert_eq!(remove(&images(dir.path()), "golden", &|_| Ok(vec![]))?, second);
    assert_eq!(names(dir.path())?, [".lock-golden", ".lock-golden_use"]);
    assert_eq!(
        remove(&images(dir.path()), "golden", &|_| Ok(vec![])).err().map(|e| (e.code.as_str(), e.exit_code())),
        Some(("no_image", 2))
    );
    Ok(())
}

fn import_refuses_what_is_no_file_of_its_own() -> Test {
    need::programs(&["qemu-img"]);
    let (dir, away) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let at = |name: &str| away.path().join(name);
    qemu_img(&["create", "-q", "-f", "qcow2"], &at("good"))?;
    std::os::unix::fs::symlink(at("good"), at("link"))?;
    Command::new("mkfifo").arg(at("pipe")).status()?;
    let code = |file: PathBuf| bring(dir.path(), &file, false).err().map(|e| (e.code.as_str(), e.exit_code()));
    assert_eq!(code(at("link")), Some(("image_not_a_file", 2)));
    assert_eq!(code(at("pipe")), Some(("image_not_a_file", 2)));
    assert_eq!(code("/dev/null".into()), Some(("image_not_a_file", 2)));
    assert_eq!(code(away.path().into()), Some(("image_not_a_file", 2)));
    assert_eq!(code(at("absent")), Some(("image_not_a_file", 2)));

    // What QEMU itself makes of a file that refers to others.
    let backing = "backing_file=/etc/passwd,backing_fmt=raw";
    qemu_img(&["create", "-q", "-f", "qcow2", "-u", "-o", backing], &at("backed"))?;
    assert_eq!(code(at("backed")), Some(("image_backing_file", 2)));
    let data = format!("data_file={}", at("data").display());
    qemu_img(&["create", "-q", "-f", "qcow2", "-o", &data], &at("split"))?;
    assert_eq!(code(at("split")), Some(("image_external_data", 2)));

    // Passes the gate, and is damaged inside: the L1 table points far beyond the file.
    let mut bytes = std::fs::read(at("good"))?;
    let l1 = usize::try_from(u64::from_be_bytes(bytes[40..48].try_into()?))?;
    bytes.resize(bytes.len().max(l1 + 65536), 0);
    bytes[l1..l1 + 8].copy_from_slice(&(0x8000_00ff_ffff_0000_u64).to_be_bytes());
    std::fs::write(at("damaged"), bytes)?;
    assert_eq!(code(at("damaged")), Some(("image_damaged", 2)));
    assert_eq!(names(dir.path())?, [".lock-golden"]);

    // Interrupted while copying.
    let cancelled = import(
        &images(dir.path()),
        &at("good"),
        "golden",
        false,
        &lite::clock::SystemClock,
        &AtomicBool::new(true),
        &mut Unobserved,
    );
    assert_eq!(cancelled.err().map(|e| e.code.as_str()), Some("interrupted"));
    assert_eq!(names(dir.path())?, [".lock-golden"]);
    Ok(())
}

fn plain(dir: &Path, id: &str) -> Result<Image, Box<dyn std::error::Error>> {
    let temp = dir.join("temp");
    let mut bytes = good();
    bytes.resize(usize::try_from(LEN)?, 0);
    std::fs::write(&temp, bytes)?;
    Ok(adopt(&images(dir), id, &temp, Origin::Built, None, Timestamp::UNIX_EPOCH)?)
}

fn the_sidecar_decides_and_is_not_believed_blindly() -> Test {
    let dir = tempfile::tempdir()?;
    let dir = dir.path();
    assert_eq!(list(&images(&dir.join("absent")))?, []);
    let (a, b) = (plain(dir, "debian")?, plain(dir, "debian-13")?);
    assert_eq!(list(&images(dir))?, [a.clone(), b.clone()]);
    assert_eq!(remove(&images(dir), "debian", &|_| Ok(vec![]))?, a);
    assert_eq!(list(&images(dir))?, std::slice::from_ref(&b));

    let sidecar = dir.join("base-debian-13.json");
    let text = std::fs::read_to_string(&sidecar)?;
    for bad in [text.replace(&b.digest, "../../../etc/shadow"), text.replace(&b.digest[..8], "ZZZZZZZZ"), "{".into()] {
        std::fs::write(&sidecar, bad)?;
        assert_eq!(get(&images(dir), "debian-13").err().map(|e| e.code.as_str()), Some("image_damaged"));
    }
    std::fs::write(&sidecar, &text)?;
    std::fs::write(&b.path, b"short")?;
    assert_eq!(get(&images(dir), "debian-13").err().map(|e| e.code.as_str()), Some("image_damaged"));
    std::fs::remove_file(&b.path)?;
    assert_eq!(get(&images(dir), "debian-13")?, None);

    let again = plain(dir, "debian-13")?;
    std::fs::write(&sidecar, "{")?;
    assert_eq!(remove(&images(dir), "debian-13", &|_| Ok(vec![]))?.id, "debian-13");
    assert!(!Path::new(&again.path).exists());

    for id in ["", "../x", "A", "-x", ".x", "a b", "a_b", &"a".repeat(64)] {
        assert_eq!(
            get(&images(dir), id).err().map(|e| (e.code.as_str(), e.exit_code())),
            Some(("invalid_image_id", 2)),
            "{id:?}"
        );
    }
    Ok(())
}

/// Says that a process waits.
struct Waits(std::sync::mpsc::Sender<String>);

impl Observer for Waits {
    fn begin(&mut self, stage: Stage) {
        let _ = self.0.send(stage.as_str().to_owned());
    }
    fn note(&mut self, _: &str) {}
    fn bytes(&mut self, _: u64, _: Option<u64>) {}
    fn finish(&mut self) {}
    fn fail(&mut self) {}
    fn status(&mut self, _: &str) {}
    fn warn(&mut self, _: &Hint) {}
}

fn the_second_of_two_gets_what_the_first_made() -> Test {
    need::programs(&["qemu-img"]);
    let (dir, away) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let file = away.path().join("disk.qcow2");
    qemu_img(&["create", "-q", "-f", "qcow2"], &file)?;
    let cancel = AtomicBool::new(false);
    let held = lock(dir.path(), "golden", &cancel, &mut Unobserved)?;
    assert!(!held.waited);
    assert_eq!(
        remove(&images(dir.path()), "golden", &|_| Ok(vec![])).err().map(|e| (e.code.as_str(), e.exit_code())),
        Some(("image_busy", 3))
    );
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::scope(|scope| -> Test {
        let second = scope.spawn(|| {
            import(&images(dir.path()), &file, "golden", true, &lite::clock::SystemClock, &cancel, &mut Waits(send))
        });
        assert_eq!(receive.recv()?, "waiting for another process");
        let first = plain(dir.path(), "golden")?;
        // A half-written file of a process that was killed.
        std::fs::write(dir.path().join(".import-golden_x"), "")?;
        drop(held);
        assert_eq!(second.join().map_err(|_| "panicked")??, first);
        assert_eq!(receive.recv().ok(), None);
        Ok(())
    })?;

    // The first failed: by force, the second works.
    let old = get(&images(dir.path()), "golden")?.ok_or("no image")?;
    let held = lock(dir.path(), "golden", &cancel, &mut Unobserved)?;
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::scope(|scope| -> Test {
        let second = scope.spawn(|| {
            import(&images(dir.path()), &file, "golden", true, &lite::clock::SystemClock, &cancel, &mut Waits(send))
        });
        assert_eq!(receive.recv()?, "waiting for another process");
        drop(held);
        let new = second.join().map_err(|_| "panicked")??;
        assert_ne!(new.digest, old.digest);
        assert_eq!(receive.iter().collect::<Vec<_>>(), ["copying", "checking"]);
        assert_eq!(names(dir.path())?.iter().filter(|name| name.starts_with('.')).count(), 1);
        Ok(())
    })
}
