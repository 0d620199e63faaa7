//! What a job left, out of its guest into a folder here. The guest is hostile: nothing but plain files and folders is made, all of it
//! below a new folder, so much and no more; that gets its name once it is whole.

use std::{
    ffi::OsStr,
    fs::{self, File, OpenOptions, Permissions},
    io::{self, ErrorKind, Read},
    os::{
        fd::AsFd,
        unix::{
            ffi::OsStrExt,
            fs::{OpenOptionsExt, PermissionsExt},
            process::CommandExt,
        },
    },
    path::{Component, Path, PathBuf},
    process::{ChildStdout, Command, Stdio},
    time::Duration,
};

use tar::{Archive, EntryType};

use crate::{
    clock::Clock,
    model::{Code, Error, Result, escaped},
};

/// How often it is asked whether to stop.
const TICK: Duration = Duration::from_secs(1);
/// Longest name of a member.
const NAME_MAX: u64 = 4096;
/// Most folders one in the other.
const DEPTH: usize = 64;
/// How many of what is left out are named.
const NAMED: usize = 3;
/// What a member takes in the archive beside its content, names included.
const OVERHEAD: u64 = 3 * NAME_MAX;

/// The most that is brought.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of all files.
    pub bytes: u64,
    /// Files, folders and whatever else.
    pub members: u64,
}

/// What a folder may hold that a job left.
pub const LIMITS: Limits = Limits { bytes: 4 << 30, members: 100_000 };

/// What was brought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Collected {
    /// How many files.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// How many links, devices and the like were left out.
    pub left_out: u64,
    /// The names of some of those, fit to be shown.
    pub named: Vec<String>,
}

/// Refused unless a folder can become what a job left: it is not there, or an empty folder, and what it is to lie in is there.
///
/// # Errors
/// `file_exists`, `invalid_path`.
pub fn check(folder: &Path) -> Result<()> {
    let shown = escaped(&folder.to_string_lossy());
    let refuse = |code, why: &str| {
        Err(Error::new(code, format!("`{shown}` {why}"))
            .hint("name a folder that is not there yet, or an empty one, below one that is there"))
    };
    if folder.file_name().is_none() {
        return refuse(Code::InvalidPath, "is no name for a new folder");
    }
    match fs::symlink_metadata(folder) {
        Ok(found) if !found.is_dir() => return refuse(Code::FileExists, "is there, and no folder"),
        Ok(_) => match fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
            Ok(true) => {}
            Ok(false) => return refuse(Code::FileExists, "is not empty"),
            Err(e) => return refuse(Code::InvalidPath, &format!("cannot be read: {e}")),
        },
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(e) => return refuse(Code::InvalidPath, &format!("cannot be looked at: {e}")),
    }
    if fs::metadata(parent(folder)).is_ok_and(|found| found.is_dir()) {
        return Ok(());
    }
    refuse(Code::InvalidPath, "lies in no folder that is there")
}

fn parent(folder: &Path) -> &Path {
    folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Brings what the command packs into a folder, which is there afterwards, or nothing is.
///
/// # Errors
/// `TimedOut`: it was to stop. `InvalidData`: what the guest sent is refused. The system's own.
pub fn collect(
    command: &mut Command,
    folder: &Path,
    limits: Limits,
    stop: &mut dyn FnMut() -> bool,
    clock: &dyn Clock,
) -> io::Result<Collected> {
    let new = tempfile::Builder::new()
        .prefix(".lite-out-")
        .permissions(Permissions::from_mode(0o777))
        .tempdir_in(parent(folder))?;
    let mut child =
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let unpacked = match child.stdout.take() {
        Some(pipe) => unpack(Pipe { pipe, stop, clock }, new.path(), limits),
        None => Err(ErrorKind::BrokenPipe.into()),
    };
    if unpacked.is_err() {
        // It may have ended just now.
        let _ = child.kill();
    }
    let status = child.wait()?;
    let collected = unpacked?;
    if !status.success() {
        return Err(invalid(format!("`tar` did not pack all of it ({status})")));
    }
    fs::rename(new.path(), folder)?;
    // Nothing is at its former name any more.
    let _ = new.keep();
    Ok(collected)
}

/// What a command says, until it is to stop.
struct Pipe<'a> {
    pipe: ChildStdout,
    stop: &'a mut dyn FnMut() -> bool,
    clock: &'a dyn Clock,
}

impl Read for Pipe<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.clock.wait_readable(self.pipe.as_fd(), TICK)? {
            if (self.stop)() {
                return Err(io::Error::new(ErrorKind::TimedOut, "it was to stop"));
            }
        }
        self.pipe.read(buffer)
    }
}

/// Unpacks an archive below a folder that nobody else writes to.
fn unpack(from: impl Read, root: &Path, limits: Limits) -> io::Result<Collected> {
    let most = limits.bytes.saturating_add(limits.members.saturating_mul(OVERHEAD));
    let mut archive = Archive::new(from.take(most));
    let (mut collected, mut long) = (Collected::default(), None);
    // Raw: names that the archive states apart are read here, with a bound.
    for (count, entry) in (1..).zip(archive.entries()?.raw(true)) {
        let mut entry = entry?;
        if count > limits.members {
            return Err(invalid(format!("more than {} files and folders", limits.members)));
        }
        let header = entry.header().clone();
        let kind = header.entry_type();
        match kind {
            EntryType::GNULongName => {
                long = Some(long_name(&mut entry)?);
                continue;
            }
            EntryType::GNULongLink | EntryType::XHeader | EntryType::XGlobalHeader => continue,
            _ => {}
        }
        let name = long.take().unwrap_or_else(|| header.path_bytes().into_owned());
        let place = below(&name).ok_or_else(|| invalid(format!("the name `{}`", shown(&name))))?;
        let path = root.join(&place);
        match kind {
            EntryType::Directory => fs::create_dir_all(path)?,
            EntryType::Regular => {
                let size = header.size()?;
                collected.bytes = collected.bytes.saturating_add(size);
                if collected.bytes > limits.bytes {
                    return Err(invalid(format!("more than {} bytes", limits.bytes)));
                }
                if place.as_os_str().is_empty() {
                    return Err(invalid("a file without a name".to_owned()));
                }
                let is_program = header.mode()? & 0o111 != 0;
                write(&mut entry, &path, size, is_program)?;
                collected.files += 1;
            }
            _ => {
                collected.left_out += 1;
                if collected.named.len() < NAMED {
                    collected.named.push(shown(&name));
                }
            }
        }
    }
    Ok(collected)
}

fn write(entry: &mut impl Read, path: &Path, size: u64, is_program: bool) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    let mode = if is_program { 0o777 } else { 0o666 };
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    match io::copy(entry, &mut file)? == size {
        true => Ok(()),
        false => Err(ErrorKind::UnexpectedEof.into()),
    }
}

fn long_name(entry: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut name = Vec::new();
    entry.take(NAME_MAX + 1).read_to_end(&mut name)?;
    if name.last() == Some(&0) {
        name.pop();
    }
    match name.len() as u64 > NAME_MAX {
        true => Err(invalid(format!("a name of more than {NAME_MAX} bytes"))),
        false => Ok(name),
    }
}

/// The place of a name below the folder; none: it leads elsewhere, or nowhere.
fn below(name: &[u8]) -> Option<PathBuf> {
    let mut place = PathBuf::new();
    if name.contains(&0) {
        return None;
    }
    for component in Path::new(OsStr::from_bytes(name)).components() {
        match component {
            Component::Normal(part) => place.push(part),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (place.components().count() <= DEPTH).then_some(place)
}

fn shown(name: &[u8]) -> String {
    escaped(&String::from_utf8_lossy(name))
}

fn invalid(what: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests;
