//! Removes what killed image operations left: half-written files and folders, and image files without a sidecar.

use std::{collections::BTreeSet, io::ErrorKind, path::Path};

use super::{
    build,
    registry::{Lock, check_id, delete, io, is_version, sidecar_path},
};
use crate::model::Result;

/// Names of unfinished things: `.KIND-ID_RANDOM`. `_` is in no id, so ids that begin alike stay apart.
const KINDS: [&str; 3] = ["import", "sidecar", "build"];

/// Removes what dead processes left in the folder of the pool, and says so. What belongs to an id that a live process
/// works on stays, and so does an image file that `used` knows of.
pub fn sweep(dir: &Path, used: &dyn Fn(&str) -> Result<bool>) -> Result<Vec<String>> {
    let mut told = Vec::new();
    for id in candidates(dir)? {
        if let Some(_lock) = Lock::attempt(dir, &id)? {
            told.extend(sweep_id(dir, &id, used)?);
        }
    }
    Ok(told)
}

/// The same for one id, whose lock the caller holds.
pub(super) fn sweep_id(dir: &Path, id: &str, used: &dyn Fn(&str) -> Result<bool>) -> Result<Vec<String>> {
    let mut told = Vec::new();
    for name in names(dir)? {
        if half(&name).is_some_and(|(kind, of)| of == id && kind != "build") {
            delete(&dir.join(&name))?;
            told.push(format!("removed the unfinished file `{name}` of image `{id}`"));
        }
        let stray = is_version(id, &name) && !sidecar_path(dir, id).exists();
        if stray && !used(&name)? {
            delete(&dir.join(&name))?;
            told.push(format!("removed the file `{name}`: image `{id}` is not there"));
        }
    }
    if build::sweep(dir, id)? {
        told.push(format!("removed the unfinished build of image `{id}`"));
    }
    Ok(told)
}

/// Ids that have something unfinished, or image files without a sidecar.
fn candidates(dir: &Path) -> Result<BTreeSet<String>> {
    let names = names(dir)?;
    let unfinished = names.iter().filter_map(|n| half(n)).map(|(_, id)| id.to_owned());
    let stray = names.iter().filter_map(|n| version(n)).filter(|id| !sidecar_path(dir, id).exists()).map(str::to_owned);
    Ok(unfinished.chain(stray).filter(|id| check_id(id).is_ok()).collect())
}

/// Kind and id of an unfinished thing's name.
fn half(name: &str) -> Option<(&str, &str)> {
    let (kind, rest) = name.strip_prefix('.')?.split_once('-')?;
    KINDS.contains(&kind).then(|| rest.split_once('_')).flatten().map(|(id, _)| (kind, id))
}

/// The id of an image file's name.
fn version(name: &str) -> Option<&str> {
    let id = name.strip_prefix("base-")?.strip_suffix(".qcow2")?.rsplit_once('-')?.0;
    is_version(id, name).then_some(id)
}

fn names(dir: &Path) -> Result<Vec<String>> {
    match std::fs::read_dir(dir) {
        Ok(entries) => {
            let names = entries.map(|e| e.map(|e| e.file_name())).collect::<std::io::Result<Vec<_>>>();
            let names = names.map_err(|e| io("read the folder", dir, e))?;
            Ok(names.into_iter().filter_map(|n| n.into_string().ok()).collect())
        }
        // Who may not read it made nothing in it either.
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => Ok(Vec::new()),
        Err(e) => Err(io("read the folder", dir, e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_works_on_or_uses_goes() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let versions = ["base-a-0123456789ab.qcow2", "base-b-0123456789ab.qcow2", "base-c-0123456789ab.qcow2"];
        let kept = ["base-a.json", "base-b-c-0123.qcow2", ".import-busy_x", "notes.txt", "base-x.qcow2"];
        let gone = [".import-a_x", ".sidecar-d-e_y"];
        versions.iter().chain(&kept).chain(&gone).for_each(|n| std::fs::write(dir.join(n), "").unwrap());
        std::fs::create_dir(dir.join(".build-a_z")).unwrap();
        let busy = Lock::attempt(dir, "busy").unwrap();
        let told = sweep(dir, &|name| Ok(name == versions[2])).unwrap();
        assert_eq!(
            told,
            [
                "removed the unfinished file `.import-a_x` of image `a`",
                "removed the unfinished build of image `a`",
                "removed the file `base-b-0123456789ab.qcow2`: image `b` is not there",
                "removed the unfinished file `.sidecar-d-e_y` of image `d-e`",
            ]
        );
        let mut left: Vec<String> = names(dir).unwrap().into_iter().filter(|n| !n.starts_with(".lock-")).collect();
        left.sort();
        let mut wanted: Vec<&str> = [versions[0], versions[2]].into_iter().chain(kept).collect();
        wanted.sort_unstable();
        assert_eq!(left, wanted);
        drop(busy);
        assert_eq!(
            sweep(dir, &|_| Ok(true)).unwrap(),
            ["removed the unfinished file `.import-busy_x` of image `busy`"]
        );
    }
}
