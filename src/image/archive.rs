//! The file of an export: a tar of three plain files, in an order that never changes, so that what reads one need not follow anything
//! that a tar can be beside it.

use std::io::{self, ErrorKind, Read, Write};

use jiff::Timestamp;
use tar::{Builder, EntryType, Header};

use crate::model::{Code, Error, Result};

/// The members, in their order: what the export is of, the virtual machine as libvirt would have it, and the disk.
pub const MEMBERS: [&str; 3] = ["lite.json", "domain.xml", "disk-0.qcow2"];

/// A member that is to be written.
pub struct Member<'a> {
    /// Its bytes.
    pub source: &'a mut dyn Read,
    /// How many they are.
    pub length: u64,
}

/// Writes an export.
///
/// # Errors
/// What the file that it goes to says.
pub fn write(to: &mut dyn Write, now: Timestamp, members: [Member<'_>; MEMBERS.len()]) -> Result<()> {
    let failed = |e: std::io::Error| Error::new(Code::NotWritable, "the export cannot be written").cause(e);
    let mut tar = Builder::new(to);
    for (name, member) in MEMBERS.iter().zip(members) {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(now.as_second()).unwrap_or(0));
        header.set_size(member.length);
        tar.append_data(&mut header, name, member.source.take(member.length)).map_err(failed)?;
    }
    tar.finish().map_err(failed)
}

/// Bytes of a block of a tar: a header is one, and a member's bytes are filled up to whole ones.
const BLOCK: u64 = 512;
/// Most zeros that may follow the last member: what GNU tar fills up to, and more.
const END_MAX: u64 = 1 << 20;

/// Reads an export member by member. Nothing that a tar can be beside three plain files is followed: no link, no long name, no sparse
/// file, and no member but the one that is next.
pub struct Reader<R> {
    from: R,
    next: usize,
}

impl<R: Read> Reader<R> {
    /// Begins with the first member.
    pub fn new(from: R) -> Self {
        Self { from, next: 0 }
    }

    /// The next member, of at most so many bytes.
    ///
    /// # Errors
    /// Refused: another member, a larger one, or a file that is cut off.
    pub fn text(&mut self, most: u64) -> Result<Vec<u8>> {
        self.read_text(most).map_err(unreadable)
    }

    /// The disk, which is the last member: how many bytes it has, and the bytes themselves. Those end in an error where something
    /// follows them.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn disk(mut self) -> Result<(u64, Disk<R>)> {
        let length = self.begin().map_err(unreadable)?;
        Ok((length, Disk { from: self.from, length, left: length, ended: false }))
    }

    fn read_text(&mut self, most: u64) -> io::Result<Vec<u8>> {
        let (member, length) = (MEMBERS.get(self.next).copied().unwrap_or_default(), self.begin()?);
        if length > most {
            return Err(other(format!("its member `{member}` has {length} bytes, and at most {most} are allowed")));
        }
        let mut text = Vec::new();
        self.from.by_ref().take(length).read_to_end(&mut text)?;
        if text.len() as u64 != length {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        zeros(&mut self.from, filling(length))?;
        Ok(text)
    }

    /// Reads the header of the member that has to be next; how many bytes follow it.
    fn begin(&mut self) -> io::Result<u64> {
        let member = MEMBERS.get(self.next).ok_or_else(|| other("it has no further member"))?;
        self.next += 1;
        let mut header = Header::new_old();
        self.from.read_exact(header.as_mut_bytes())?;
        let is_plain = header.entry_type() == EntryType::Regular
            && *header.path_bytes() == *member.as_bytes()
            && header.link_name_bytes().is_none_or(|link| link.is_empty());
        if header.cksum().ok() != Some(sum(&header)) || !is_plain {
            return Err(other(format!("the plain file `{member}` is not where it has to be")));
        }
        header.entry_size()
    }
}

/// The sum over a header, whose own field counts as spaces.
fn sum(header: &Header) -> u32 {
    let bytes = header.as_bytes().iter().enumerate();
    bytes.map(|(at, byte)| if (148..156).contains(&at) { u32::from(b' ') } else { u32::from(*byte) }).sum()
}

/// How many bytes fill a member up.
fn filling(length: u64) -> u64 {
    (BLOCK - length % BLOCK) % BLOCK
}

/// Reads so many zeros.
fn zeros(from: &mut impl Read, count: u64) -> io::Result<()> {
    let mut all = Vec::new();
    from.take(count).read_to_end(&mut all)?;
    match all.iter().all(|byte| *byte == 0) {
        true if all.len() as u64 == count => Ok(()),
        true => Err(ErrorKind::UnexpectedEof.into()),
        false => Err(other("what fills it up is not zeros")),
    }
}

fn other(what: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what.into())
}

/// The error of an export that cannot be read.
pub fn unreadable(e: io::Error) -> Error {
    let error = |why: String| {
        Error::new(Code::InvalidExport, format!("not an export that lite can read: {why}"))
            .hint("bring the file again, as `lite export` wrote it")
    };
    match e.kind() {
        ErrorKind::UnexpectedEof => error("it is cut off".to_owned()),
        ErrorKind::InvalidData => error(e.to_string()),
        _ => Error::new(Code::FileUnreadable, "cannot read the export").cause(e),
    }
}

/// The bytes of the disk, as they come out of the file.
pub struct Disk<R> {
    from: R,
    length: u64,
    left: u64,
    ended: bool,
}

impl<R: Read> Disk<R> {
    /// What follows the last member: zeros alone, two blocks at least.
    fn end(&mut self) -> io::Result<()> {
        self.ended = true;
        zeros(&mut self.from, filling(self.length) + 2 * BLOCK)?;
        let (mut rest, mut left) = ([0; BLOCK as usize], END_MAX);
        while left > 0 {
            let count = self.from.read(&mut rest)?;
            let read = rest.get(..count).unwrap_or_default();
            if read.is_empty() {
                return Ok(());
            }
            if read.iter().any(|byte| *byte != 0) {
                break;
            }
            left = left.saturating_sub(count as u64);
        }
        Err(other("something follows its last member"))
    }
}

impl<R: Read> Read for Disk<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return if self.ended { Ok(0) } else { self.end().map(|()| 0) };
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.from.read(buffer.get_mut(..most).unwrap_or_default())?;
        if count == 0 && most > 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.left -= count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An export of these texts.
    fn exported(texts: [&str; 3]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut sources = texts.map(str::as_bytes);
        let [first, second, third] = &mut sources;
        let member = |source: &mut &[u8]| source.len() as u64;
        let lengths = [member(first), member(second), member(third)];
        let members = [
            Member { source: first, length: lengths[0] },
            Member { source: second, length: lengths[1] },
            Member { source: third, length: lengths[2] },
        ];
        write(&mut file, Timestamp::UNIX_EPOCH, members).unwrap();
        file
    }

    /// What a file says, as the import reads it.
    fn read(file: &[u8]) -> Result<[Vec<u8>; 3]> {
        let mut reader = Reader::new(file);
        let (first, second) = (reader.text(16)?, reader.text(16)?);
        let (length, mut disk) = reader.disk()?;
        let mut bytes = Vec::new();
        disk.read_to_end(&mut bytes).map_err(unreadable)?;
        assert_eq!(bytes.len() as u64, length);
        Ok([first, second, bytes])
    }

    /// A tar of one member, and what `change` does to its header.
    fn one(name: &str, change: impl FnOnce(&mut Header)) -> Vec<u8> {
        let mut header = Header::new_gnu();
        // By hand: the crate would put it right.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(2);
        header.set_entry_type(EntryType::Regular);
        change(&mut header);
        header.set_cksum();
        let mut file = header.as_bytes().to_vec();
        file.extend_from_slice(b"{}");
        file.resize(1024, 0);
        file
    }

    fn refused(file: &[u8]) -> String {
        let error = read(file).expect_err("refused");
        assert_eq!((error.code, error.exit_code()), (Code::InvalidExport, 2), "{error}");
        error.message.strip_prefix("not an export that lite can read: ").expect("the words").to_owned()
    }

    #[test]
    fn what_is_written_is_read_and_nothing_that_is_cut_or_longer() {
        let disk = "q".repeat(700);
        let (texts, wanted) = (["{}", "<domain/>", &disk], ["{}", "<domain/>", &disk].map(|t| t.as_bytes().to_vec()));
        let file = exported(texts);
        assert_eq!(read(&file).unwrap(), wanted);
        // As GNU tar fills it up.
        let filled = [file.clone(), vec![0; 8192]].concat();
        assert_eq!(read(&filled).unwrap(), wanted);
        for cut in [0, 1, 511, 512, 513, 1024, 1500, 2048, 2600, 3000, file.len() - 1024, file.len() - 1] {
            refused(&file[..cut]);
        }
        let members = |n: usize| file[..file.len() - 1024].repeat(n);
        for more in [b"x".to_vec(), members(1), members(10_000)] {
            let text = refused(&[file.clone(), more].concat());
            assert_eq!(text, "something follows its last member");
        }
        assert_eq!(refused(&[file, vec![0; 2 << 20]].concat()), "something follows its last member");
        assert_eq!(
            refused(&exported(["{}", "<domain/>01234567", ""])),
            "its member `domain.xml` has 17 bytes, and at most 16 are allowed"
        );
    }

    #[test]
    fn nothing_but_the_plain_files_is_followed() {
        let not_first = "the plain file `lite.json` is not where it has to be";
        let kinds = [
            EntryType::Link,
            EntryType::Symlink,
            EntryType::Directory,
            EntryType::Char,
            EntryType::Block,
            EntryType::Fifo,
            EntryType::Continuous,
            EntryType::GNULongName,
            EntryType::GNULongLink,
            EntryType::GNUSparse,
            EntryType::XGlobalHeader,
            EntryType::XHeader,
        ];
        for kind in kinds {
            assert_eq!(refused(&one("lite.json", |header| header.set_entry_type(kind))), not_first, "{kind:?}");
        }
        for name in ["disk-0.qcow2", "./lite.json", "lite.json/", "a/lite.json", "lite", "/lite.json", "../lite.json"] {
            assert_eq!(refused(&one(name, |_| ())), not_first, "{name}");
        }
        let linked = one("lite.json", |header| header.set_link_name("/etc/passwd").unwrap());
        assert_eq!(refused(&linked), not_first);
        let mut damaged = one("lite.json", |_| ());
        damaged[0] = b'L';
        assert_eq!(refused(&damaged), not_first);
        let huge = one("lite.json", |header| header.set_size(1 << 60));
        let text = "its member `lite.json` has 1152921504606846976 bytes, and at most 16 are allowed";
        assert_eq!(refused(&huge), text);
        assert_eq!(refused(&one("lite.json", |_| ())), "it is cut off");
        // Doubled.
        assert_eq!(
            refused(&one("lite.json", |_| ()).repeat(2)),
            "the plain file `domain.xml` is not where it has to be"
        );
    }

    #[test]
    fn it_is_a_tar_of_three_plain_files_in_their_order() {
        let texts = ["{}", "<domain/>", "QFI"];
        let [mut first, mut second, mut third] = texts.map(str::as_bytes);
        let member = |source, length| Member { source, length };
        let members = [member(&mut first as &mut dyn Read, 2), member(&mut second, 9), member(&mut third, 3)];
        let mut file = Vec::new();
        write(&mut file, Timestamp::UNIX_EPOCH, members).unwrap();
        let mut tar = tar::Archive::new(file.as_slice());
        let read = tar.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.entry_type(), header.mode().unwrap()), (EntryType::Regular, 0o600));
            let (name, mut text) = (entry.path().unwrap().display().to_string(), String::new());
            entry.read_to_string(&mut text).unwrap();
            (name, text)
        });
        let wanted = MEMBERS.iter().zip(texts).map(|(name, text)| ((*name).to_owned(), text.to_owned()));
        assert_eq!(read.collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
    }
}
