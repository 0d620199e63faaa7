//! What the machine's file system and kernel know: log files, processes, and the files libvirt keeps for domains.

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use uuid::Uuid;

use crate::{
    hypervisor::Machine,
    image,
    model::{Code, Error, Hint, Result, Verb},
    plan::{Namespace, log_owner, owner_of},
};

/// Where the system's libvirt keeps what belongs to a domain: the folder, and what follows the domain's name.
const LIBVIRT: [(&str, &str); 5] = [
    ("/var/lib/libvirt/qemu/nvram", "_VARS.fd"),
    ("/var/lib/libvirt/qemu/nvram", "_VARS.qcow2"),
    ("/var/lib/libvirt/qemu/save", ".save"),
    ("/var/lib/libvirt/qemu/snapshot", ""),
    ("/var/lib/libvirt/qemu/checkpoint", ""),
];

/// What a process works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// The disk of an instance: its QEMU.
    Instance(Uuid),
    /// An image; `left`: nobody holds its lock, so whoever started the process is gone.
    Image { id: String, left: bool },
}

/// A process of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// The program.
    pub program: String,
    /// What it works on.
    pub work: Work,
}

impl Process {
    /// The instance whose QEMU it is.
    pub fn instance(&self) -> Option<Uuid> {
        match self.work {
            Work::Instance(uuid) => Some(uuid),
            Work::Image { .. } => None,
        }
    }
}

fn unreadable(path: &Path, e: std::io::Error) -> Error {
    let error = Error::new(Code::Unreadable, format!("cannot read `{}`", path.display()));
    match e.kind() {
        ErrorKind::PermissionDenied => {
            error.cause(e).hint(Hint::from("run it as root (").run_as_root(Verb::Again, &[]).text(")"))
        }
        _ => error.cause(e),
    }
}

/// The entries of a folder; none if it is not there.
fn entries(machine: &dyn Machine, folder: &Path) -> Result<Vec<PathBuf>> {
    match machine.entries(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries.map_err(|e| unreadable(folder, e)),
    }
}

/// The log files of guests, each once, without the number of a rotation.
pub fn logs(machine: &dyn Machine, folder: &Path) -> Result<Vec<(Uuid, String)>> {
    let mut found = Vec::new();
    for path in entries(machine, folder)? {
        let name = path.file_name().and_then(|n| n.to_str());
        if let Some((id, base)) = name.and_then(log_owner) {
            found.push((id, folder.join(base).display().to_string()));
        }
    }
    found.dedup();
    Ok(found)
}

/// Half-written files of lite's own that nobody has touched for `age`: whoever wrote them is gone.
pub fn temporary(
    machine: &dyn Machine,
    state: &Path,
    now: jiff::Timestamp,
    age: jiff::SignedDuration,
) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in entries(machine, state)?.into_iter().chain(entries(machine, &state.join("ssh"))?) {
        let ours = path.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with(".tmp"));
        let old = machine.info(&path).is_ok_and(|i| now.duration_since(i.modified) >= age);
        if ours && old {
            found.push(path);
        }
    }
    Ok(found)
}

/// The processes that work on disks in the pool's folders, or on images in the folder they are made in.
pub fn processes(machine: &dyn Machine, pool_folders: &[String], images: &Path) -> Result<Vec<Process>> {
    let mut found = Vec::new();
    for entry in entries(machine, Path::new("/proc"))? {
        let Some(pid) = entry.file_name().and_then(|n| n.to_str()).and_then(|n| n.parse().ok()) else { continue };
        // It may end at any moment, and a kernel thread has no words.
        let Ok(words) = machine.read(&entry.join("cmdline")) else { continue };
        let text = String::from_utf8_lossy(&words);
        let Some(mut work) = work_of(&text, pool_folders) else { continue };
        if pid == std::process::id() {
            continue;
        }
        if let Work::Image { id, left } = &mut work {
            let free = !image::leftovers::is_busy(images, id)?;
            // Still there after the lock was seen free.
            *left = free && machine.read(&entry.join("cmdline")).is_ok_and(|again| again == words);
        }
        let program = text.split('\0').next().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
        found.push(Process { pid, program, work });
    }
    Ok(found)
}

/// What the command line of a process says it works on: a file name of ours behind the path of one of our folders.
fn work_of(words: &str, folders: &[String]) -> Option<Work> {
    let qemu = words.split('\0').next().is_some_and(|program| program.contains("qemu-system-"));
    for folder in folders {
        let start = format!("{folder}/");
        for (at, _) in words.match_indices(&start) {
            let rest = &words[at + start.len()..];
            let name: &str = rest.split(['\0', '"', ',', '/', ' ']).next().unwrap_or_default();
            match (owner_of(Namespace::Volume, name), image::leftovers::image_of(name)) {
                (Some((_, uuid)), _) if qemu => return Some(Work::Instance(uuid)),
                (_, Some(id)) => return Some(Work::Image { id: id.to_owned(), left: false }),
                _ => {}
            }
        }
    }
    None
}

/// The files libvirt keeps for domains of these names, not older than the name's first use; and each file's name.
pub fn libvirt_files(
    machine: &dyn Machine,
    names: &BTreeMap<String, jiff::Timestamp>,
) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for (folder, end) in LIBVIRT {
        for path in entries(machine, Path::new(folder))? {
            let name = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_suffix(end));
            let Some((name, since)) = name.and_then(|n| names.get_key_value(n)) else { continue };
            let Ok(info) = machine.info(&path) else { continue };
            // A folder of snapshots stays when the last of them goes.
            let empty = info.is_folder && entries(machine, &path)?.is_empty();
            if info.modified >= *since && !empty {
                found.push((name.clone(), path.display().to_string()));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::hypervisor::LocalMachine;

    fn machine() -> LocalMachine {
        LocalMachine::of("qemu:///system")
    }

    #[test]
    fn a_command_line_tells_what_it_works_on() {
        let id = Uuid::from_u128(7);
        let folders = ["/a".to_owned(), "/pool".to_owned()];
        let disk = format!("/pool/lite-web-{}.qcow2", id.simple());
        let qemu = format!("/usr/bin/qemu-system-x86_64\0-blockdev\0{{\"filename\":\"{disk}\",\"x\":1}}\0");
        assert_eq!(work_of(&qemu, &folders), Some(Work::Instance(id)));
        assert_eq!(work_of(&qemu, &folders[..1]), None);
        // A person who looks at a disk is no QEMU of ours.
        assert_eq!(work_of(&format!("qemu-img\0info\0{disk}\0"), &folders), None);
        let build = "mmdebstrap\0--mode=root\0/pool/.build-debian-13_a1/root\0";
        assert_eq!(work_of(build, &folders), Some(Work::Image { id: "debian-13".into(), left: false }));
        assert_eq!(work_of("less\0/pool/readme\0", &folders), None);
    }

    #[test]
    fn a_temporary_file_that_nobody_writes_any_more_is_found() {
        let state = tempfile::tempdir().unwrap();
        fs::create_dir(state.path().join("ssh")).unwrap();
        let files = [".tmpAb1", "ssh/.tmpX", "state.db", ".other"].map(|name| state.path().join(name));
        files.iter().for_each(|file| fs::write(file, "").unwrap());
        let (now, age) = (jiff::Timestamp::now(), jiff::SignedDuration::from_mins(10));
        assert_eq!(temporary(&machine(), state.path(), now, age), Ok(vec![]));
        assert_eq!(temporary(&machine(), state.path(), now + 2 * age, age), Ok(files[..2].to_vec()));
    }

    #[test]
    fn rotated_logs_are_one() {
        let folder = tempfile::tempdir().unwrap();
        let log = format!("web-{}.console.log", Uuid::from_u128(7).simple());
        for name in [log.clone(), format!("{log}.0"), format!("{log}.1"), "other.log".into()] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let wanted = vec![(Uuid::from_u128(7), folder.path().join(&log).display().to_string())];
        assert_eq!(logs(&machine(), folder.path()), Ok(wanted));
        assert_eq!(logs(&machine(), &folder.path().join("absent")), Ok(vec![]));
    }
}
