//! The machine that libvirt runs on, looked at beside libvirt: its kernel, its folders and files.

use std::{
    fs, io,
    io::Read,
    path::{Path, PathBuf},
};

use inotify::{Inotify, WatchMask};
use jiff::Timestamp;

/// Most bytes read of a file: the tables and states of a kernel are far smaller.
const MOST: u64 = 4 << 20;

/// The URI names this machine: `qemu:///system`, `qemu+unix:///system`, `test:///default`.
pub fn is_local(uri: &str) -> bool {
    uri.split_once("://").is_some_and(|(_, rest)| rest.starts_with('/'))
}

/// What is known of a file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileInfo {
    /// It is a folder.
    pub is_folder: bool,
    /// Its length, bytes.
    pub length: u64,
    /// When it was last written to.
    pub modified: Timestamp,
}

/// Space of the file system that a folder lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes in all.
    pub total: u64,
    /// Bytes that may still be written by others than root.
    pub available: u64,
}

/// Changes of the entries of a folder.
pub trait FolderChanges: Send {
    /// Whether an entry came or went since the last call. Does not wait.
    fn any(&mut self) -> bool;
}

/// A machine, by its kernel and its file system.
///
/// Every call but `runs_guests` fails as the system's own call does.
pub trait Machine: Send + Sync {
    /// Whether libvirt runs its guests on it. Where it does not, nothing it says of its kernel or its pool counts.
    fn runs_guests(&self) -> bool;
    /// The content of a file, at most 4 MiB of it.
    fn read(&self, file: &Path) -> io::Result<Vec<u8>>;
    /// The entries of a folder, in the order of their names.
    fn entries(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;
    /// What is known of a file or a folder; of a link, not of what it names.
    fn info(&self, path: &Path) -> io::Result<FileInfo>;
    /// The space of the file system that a folder lies on.
    fn space(&self, folder: &Path) -> io::Result<Space>;
    /// Opens `/dev/kvm` as QEMU does, and closes it.
    fn open_kvm(&self) -> io::Result<()>;
    /// Makes a folder with those it lies in; content if it is there.
    fn make_folder(&self, folder: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove_file(&self, file: &Path) -> io::Result<()>;
    /// Follows the entries of a folder.
    fn follow(&self, folder: &Path) -> io::Result<Box<dyn FolderChanges>>;

    /// The text of a file, as far as it is UTF-8, without white space around it.
    fn text(&self, file: &str) -> io::Result<String> {
        Ok(String::from_utf8_lossy(&self.read(Path::new(file))?).trim().to_owned())
    }

    /// Its name; empty if that cannot be read.
    fn hostname(&self) -> String {
        self.text("/proc/sys/kernel/hostname").unwrap_or_default()
    }

    /// The id of its present boot; empty if that cannot be read.
    fn boot_id(&self) -> String {
        self.text("/proc/sys/kernel/random/boot_id").unwrap_or_default()
    }

    /// Whether it has a bridge of that name.
    fn has_bridge(&self, name: &str) -> bool {
        self.info(&Path::new("/sys/class/net").join(name).join("bridge")).is_ok_and(|i| i.is_folder)
    }
}

/// The machine that this process runs on.
#[derive(Debug, Clone, Copy)]
pub struct LocalMachine {
    runs_guests: bool,
}

impl LocalMachine {
    /// This machine, as one whose libvirt is reached by `uri`. Guests of libvirt's test driver run nowhere.
    pub fn of(uri: &str) -> Self {
        Self { runs_guests: is_local(uri) && !uri.starts_with("test:") }
    }
}

impl Machine for LocalMachine {
    fn runs_guests(&self) -> bool {
        self.runs_guests
    }

    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        fs::File::open(file)?.take(MOST).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn entries(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let mut all = fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<io::Result<Vec<_>>>()?;
        all.sort();
        Ok(all)
    }

    fn info(&self, path: &Path) -> io::Result<FileInfo> {
        let meta = fs::symlink_metadata(path)?;
        let modified = Timestamp::try_from(meta.modified()?).map_err(io::Error::other)?;
        Ok(FileInfo { is_folder: meta.is_dir(), length: meta.len(), modified })
    }

    fn space(&self, folder: &Path) -> io::Result<Space> {
        let seen = rustix::fs::statvfs(folder)?;
        let bytes = |blocks: u64| blocks.saturating_mul(seen.f_frsize);
        Ok(Space { total: bytes(seen.f_blocks), available: bytes(seen.f_bavail) })
    }

    fn open_kvm(&self) -> io::Result<()> {
        fs::OpenOptions::new().read(true).write(true).open("/dev/kvm").map(drop)
    }

    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)
    }

    fn remove_file(&self, file: &Path) -> io::Result<()> {
        fs::remove_file(file)
    }

    fn follow(&self, folder: &Path) -> io::Result<Box<dyn FolderChanges>> {
        let inotify = Inotify::init()?;
        inotify.watches().add(folder, WatchMask::DELETE | WatchMask::CREATE | WatchMask::MOVED_TO)?;
        Ok(Box::new(Following(inotify)))
    }
}

struct Following(Inotify);

impl FolderChanges for Following {
    fn any(&mut self) -> bool {
        let mut buffer = [0; 4096];
        self.0.read_events(&mut buffer).is_ok_and(|events| events.count() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_definition_of_local() {
        let local = ["qemu:///system", "qemu+unix:///system?socket=/run/x", "qemu:///session", "test:///default"];
        assert_eq!(local.map(is_local), [true; 4]);
        assert_eq!(local.map(|uri| LocalMachine::of(uri).runs_guests()), [true, true, true, false]);
        let remote = ["qemu+ssh://root@host/system", "qemu+tls://host/system", "nonsense", ""];
        assert_eq!(remote.map(is_local), [false; 4]);
        assert_eq!(remote.map(|uri| LocalMachine::of(uri).runs_guests()), [false; 4]);
    }

    #[test]
    fn looks_at_this_machine() {
        let machine = LocalMachine::of("qemu:///system");
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        for _ in 0..2 {
            machine.make_folder(&deep).unwrap();
        }
        let mut changes = machine.follow(&deep).unwrap();
        assert!(!changes.any());
        let files = ["2", "1"].map(|name| deep.join(name));
        files.iter().for_each(|file| fs::write(file, "text\n").unwrap());
        assert!(changes.any() && !changes.any());
        assert_eq!(machine.entries(&deep).unwrap(), [files[1].clone(), files[0].clone()]);
        assert_eq!(machine.text(&files[0].display().to_string()).unwrap(), "text");
        let info = machine.info(&files[0]).unwrap();
        assert_eq!((info.is_folder, info.length, machine.info(&deep).unwrap().is_folder), (false, 5, true));
        machine.remove_file(&files[0]).unwrap();
        assert_eq!(machine.read(&files[0]).map_err(|e| e.kind()), Err(io::ErrorKind::NotFound));
        let space = machine.space(&deep).unwrap();
        assert!(space.available <= space.total && space.total > 0);
        assert_eq!(machine.boot_id().len(), 36);
        assert!(!machine.has_bridge("lite-no-bridge"));
    }
}
