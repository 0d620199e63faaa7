//! Building images: what is refused before any change, and real builds (`LITE_TEST_REAL=1`, root, a mirror); the one that
//! comes to its end is in `image_kill`.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use lite::image::{BuildRequest, Image, Images, Origin, build, buildable, get, list};
use lite::model::{Error, Hint, Observer, Stage, Unobserved};

use crate::support::host::needs_host;

crate::tests![
    unknown_images_and_mirrors_are_refused_before_any_change,
    both_debians_can_be_built,
    interrupted_real_build_leaves_nothing,
    real_build_from_a_dead_mirror_says_so,
];

const MIRROR: &str = "http://deb.debian.org/debian";

type Test = Result<(), Box<dyn std::error::Error>>;

fn request<'a>(images: &'a Images, id: &'a str, mirror: &'a str) -> BuildRequest<'a> {
    BuildRequest { images, id, mirror, force: false, clock: &lite::clock::SystemClock }
}

fn refusal(dir: &Path, id: &str, mirror: &str) -> Option<Error> {
    build(request(&Images::in_folder(dir), id, mirror), &AtomicBool::new(false), &mut Unobserved).err()
}

fn unknown_images_and_mirrors_are_refused_before_any_change() -> Test {
    let dir = tempfile::tempdir()?;
    let error = refusal(dir.path(), "debian-11", MIRROR).ok_or("built")?;
    assert_eq!((error.code.as_str(), error.exit_code()), ("image_unknown", 2));
    assert_eq!(error.message, "no image `debian-11` can be made here");
    assert_eq!(error.hints, ["those that can: debian-12, debian-13"]);

    for mirror in [
        "",
        "ftp://host/debian",
        "http://",
        "http://h/a b",
        "http://u:p@h/debian",
        "http://h/d\ndeb x",
        "http://[::1]/d",
    ] {
        let error = refusal(dir.path(), "debian-13", mirror).ok_or("built")?;
        assert_eq!((error.code.as_str(), error.exit_code()), ("invalid_mirror", 2), "{mirror:?}");
    }
    assert_eq!(std::fs::read_dir(dir.path())?.count(), 0);
    Ok(())
}

fn both_debians_can_be_built() {
    assert_eq!(buildable().collect::<Vec<_>>(), ["debian-12", "debian-13"]);
}

/// Collects the stages; sets the flag when one begins.
struct Watch<'a> {
    stages: Vec<String>,
    cancel_at: Option<&'a str>,
    cancel: &'a AtomicBool,
}

impl Observer for Watch<'_> {
    fn begin(&mut self, stage: Stage) {
        self.stages.push(stage.as_str().to_owned());
        if self.cancel_at == Some(stage.as_str()) {
            self.cancel.store(true, Ordering::SeqCst);
        }
    }
    fn note(&mut self, _: &str) {}
    fn bytes(&mut self, _: u64, _: Option<u64>) {}
    fn finish(&mut self) {}
    fn fail(&mut self) {}
    fn status(&mut self, _: &str) {}
    fn warn(&mut self, _: &Hint) {}
}

/// Builds debian-13 in a folder: its stages in order, a whole image, and nothing left to do for a second build.
pub fn is_complete_and_done_once(dir: &Path) -> Test {
    let images = Images::in_folder(dir);
    let cancel = AtomicBool::new(false);
    let mut watch = Watch { stages: Vec::new(), cancel_at: None, cancel: &cancel };
    let image = build(request(&images, "debian-13", MIRROR), &cancel, &mut watch)?;
    // The programs of a build that was just killed may hold its lock until they have ended.
    watch.stages.retain(|stage| stage != "waiting for another process");
    assert_eq!(
        watch.stages,
        ["installing packages", "preparing the first boot", "making the disk", "compressing", "checking"]
    );
    whole(dir, "debian-13", &image, MIRROR)?;

    watch.stages.clear();
    assert_eq!(build(request(&images, "debian-13", MIRROR), &cancel, &mut watch)?, image);
    assert_eq!(watch.stages, Vec::<String>::new());
    Ok(())
}

fn whole(dir: &Path, id: &str, image: &Image, mirror: &str) -> Test {
    assert_eq!((image.id.as_str(), image.origin, image.source.as_deref()), (id, Origin::Built, Some(mirror)));
    assert_eq!(image.virtual_size, 2 << 30);
    assert_eq!(image.volume, format!("base-{id}-{}.qcow2", &image.digest[..12]));
    assert_eq!(get(&Images::in_folder(dir), id)?.as_ref(), Some(image));
    assert!(list(&Images::in_folder(dir))?.contains(image));
    let sum = Command::new("sha256sum").arg(&image.path).output()?;
    assert_eq!(String::from_utf8(sum.stdout)?.split_whitespace().next(), Some(image.digest.as_str()));
    let info = Command::new("qemu-img").args(["info", "-f", "qcow2", "--output=json"]).arg(&image.path).output()?;
    let info: serde_json::Value = serde_json::from_slice(&info.stdout)?;
    assert_eq!((&info["format"], &info["virtual-size"]), (&"qcow2".into(), &(2_u64 << 30).into()));
    assert_eq!(info.get("backing-filename"), None);
    assert_eq!(left_over(dir)?, Vec::<String>::new());
    Ok(())
}

fn interrupted_real_build_leaves_nothing() -> Test {
    needs_host();
    let dir = tempfile::tempdir()?;
    // What a killed build left goes as well.
    std::fs::create_dir_all(dir.path().join(".build-debian-13_old/root"))?;
    let cancel = AtomicBool::new(false);
    let later = std::time::Duration::from_secs(8);
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(later);
            cancel.store(true, Ordering::SeqCst);
        });
        build(request(&Images::in_folder(dir.path()), "debian-13", MIRROR), &cancel, &mut Unobserved).err()
    });
    let error = error.ok_or("built")?;
    assert_eq!(error.code.as_str(), "interrupted", "{error:?}");
    assert_eq!(left_over(dir.path())?, Vec::<String>::new());
    assert_eq!(list(&Images::in_folder(dir.path()))?, []);
    assert!(!std::fs::read_to_string("/proc/self/mountinfo")?.contains(&dir.path().display().to_string()));
    Ok(())
}

fn real_build_from_a_dead_mirror_says_so() -> Test {
    needs_host();
    let dir = tempfile::tempdir()?;
    let error = refusal(dir.path(), "debian-13", "http://127.0.0.1:9/debian").ok_or("built")?;
    assert_eq!((error.code.as_str(), error.exit_code()), ("tool_failed", 1));
    assert_eq!(
        error.hints,
        ["check that the mirror is reached: `curl -I http://127.0.0.1:9/debian/dists/trixie/InRelease`"]
    );
    assert_ne!(error.causes, Vec::<String>::new());
    assert_eq!(left_over(dir.path())?, Vec::<String>::new());
    Ok(())
}

/// Hidden names in the folder other than locks: working folders and half-written files.
fn left_over(dir: &Path) -> Result<Vec<String>, std::io::Error> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') && !name.starts_with(".lock-") {
            names.push(name);
        }
    }
    Ok(names)
}
