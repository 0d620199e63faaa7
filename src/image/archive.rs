//! The file of an export: a tar of plain files, in an order that never changes, so that what reads one need not follow anything that a tar
//! can be beside them.

use std::io::{self, ErrorKind, Read, Write};

use jiff::Timestamp;
use tar::{Builder, EntryType, Header};

use crate::model::{Code, Error, Result};

/// The first members, in their order: what the export is of, and the virtual machine as libvirt would have it.
pub const TEXTS: [&str; 2] = ["lite.json", "domain.xml"];

/// The members that may follow, in their order: the root disk, and the disks that an instance can have been given.
pub const DISKS: [&str; 16] = [
    "disk-0.qcow2",
    "disk-1.qcow2",
    "disk-2.qcow2",
    "disk-3.qcow2",
    "disk-4.qcow2",
    "disk-5.qcow2",
    "disk-6.qcow2",
    "disk-7.qcow2",
    "disk-8.qcow2",
    "disk-9.qcow2",
    "disk-10.qcow2",
    "disk-11.qcow2",
    "disk-12.qcow2",
    "disk-13.qcow2",
    "disk-14.qcow2",
    "disk-15.qcow2",
];

/// The member of this number.
fn member(number: usize) -> Option<&'static str> {
    TEXTS.iter().chain(&DISKS).nth(number).copied()
}

/// Writes an export, member by member.
pub struct Writer<'a> {
    tar: Builder<&'a mut dyn Write>,
    now: Timestamp,
    next: usize,
}

impl<'a> Writer<'a> {
    /// One without members.
    pub fn new(to: &'a mut dyn Write, now: Timestamp) -> Self {
        Self { tar: Builder::new(to), now, next: 0 }
    }

    /// Writes the next member, of so many bytes.
    ///
    /// # Errors
    /// What the file that it goes to says.
    pub fn add(&mut self, source: &mut dyn Read, length: u64) -> Result<()> {
        let name = member(self.next).ok_or_else(|| not_written(other("it has all members that there are")))?;
        self.next += 1;
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(self.now.as_second()).unwrap_or(0));
        header.set_size(length);
        self.tar.append_data(&mut header, name, source.take(length)).map_err(not_written)
    }

    /// Writes its end.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub fn end(mut self) -> Result<()> {
        self.tar.finish().map_err(not_written)
    }
}

fn not_written(e: io::Error) -> Error {
    Error::new(Code::NotWritable, "the export cannot be written").cause(e)
}

/// Bytes of a block of a tar: a header is one, and a member's bytes are filled up to whole ones.
const BLOCK: u64 = 512;
/// Most zeros that may follow the last member: what GNU tar fills up to, and more.
const END_MAX: u64 = 1 << 20;

/// Reads an export member by member. Nothing that a tar can be beside plain files is followed: no link, no long name, no sparse
/// file, and no member but the one that is next. As a [`Read`] it gives the bytes of the disk that was begun.
pub struct Reader<R> {
    from: R,
    next: usize,
    /// Bytes that are left of the disk.
    left: u64,
    /// Bytes that fill it up.
    filling: u64,
}

impl<R: Read> Reader<R> {
    /// Begins with the first member.
    pub fn new(from: R) -> Self {
        Self { from, next: 0, left: 0, filling: 0 }
    }

    /// The next member, of at most so many bytes.
    ///
    /// # Errors
    /// Refused: another member, a larger one, or a file that is cut off.
    pub fn text(&mut self, most: u64) -> Result<Vec<u8>> {
        self.read_text(most).map_err(unreadable)
    }

    /// Begins the next disk: how many bytes it has. The one before was read whole.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn disk(&mut self) -> Result<u64> {
        self.begin().map_err(unreadable)
    }

    /// What follows the last disk, which was read whole: zeros alone, two blocks at least.
    ///
    /// # Errors
    /// Refused: something else.
    pub fn end(mut self) -> Result<()> {
        self.read_end().map_err(unreadable)
    }

    fn read_text(&mut self, most: u64) -> io::Result<Vec<u8>> {
        let (member, length) = (member(self.next).unwrap_or_default(), self.begin()?);
        if length > most {
            return Err(other(format!("its member `{member}` has {length} bytes, and at most {most} are allowed")));
        }
        let mut text = Vec::new();
        self.read_to_end(&mut text)?;
        Ok(text)
    }

    /// Reads the header of the member that has to be next; how many bytes follow it.
    fn begin(&mut self) -> io::Result<u64> {
        self.fill_up()?;
        let member = member(self.next).ok_or_else(|| other("it has no further member"))?;
        self.next += 1;
        let mut header = Header::new_old();
        self.from.read_exact(header.as_mut_bytes())?;
        let is_plain = header.entry_type() == EntryType::Regular
            && *header.path_bytes() == *member.as_bytes()
            && header.link_name_bytes().is_none_or(|link| link.is_empty());
        if header.cksum().ok() != Some(sum(&header)) || !is_plain {
            return Err(other(format!("the plain file `{member}` is not where it has to be")));
        }
        self.left = header.entry_size()?;
        self.filling = filling(self.left);
        Ok(self.left)
    }

    /// Reads what fills the member up that was read.
    fn fill_up(&mut self) -> io::Result<()> {
        match self.left {
            0 => zeros(&mut self.from, std::mem::take(&mut self.filling)),
            _ => Err(other("a member of it was not read whole")),
        }
    }

    fn read_end(&mut self) -> io::Result<()> {
        self.fill_up()?;
        zeros(&mut self.from, 2 * BLOCK).map_err(|e| match e.kind() {
            ErrorKind::InvalidData => follows(),
            _ => e,
        })?;
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
        Err(follows())
    }
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.from.read(buffer.get_mut(..most).unwrap_or_default())?;
        if count == 0 && most > 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

fn follows() -> io::Error {
    other("something follows its last member")
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

#[cfg(test)]
mod tests {
    use super::*;

    /// An export of these members.
    fn exported(texts: &[&str]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut writer = Writer::new(&mut file, Timestamp::UNIX_EPOCH);
        for text in texts {
            writer.add(&mut text.as_bytes(), text.len() as u64).unwrap();
        }
        writer.end().unwrap();
        file
    }

    /// What a file of so many disks says, as the import reads it.
    fn read_all(file: &[u8], disks: usize) -> Result<Vec<Vec<u8>>> {
        let mut reader = Reader::new(file);
        let mut all = vec![reader.text(16)?, reader.text(16)?];
        for _ in 0..disks {
            let length = reader.disk()?;
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).map_err(unreadable)?;
            assert_eq!(bytes.len() as u64, length);
            all.push(bytes);
        }
        reader.end()?;
        Ok(all)
    }

    fn read(file: &[u8]) -> Result<Vec<Vec<u8>>> {
        read_all(file, 1)
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
        let file = exported(&texts);
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
            refused(&exported(&["{}", "<domain/>01234567", ""])),
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
    fn it_has_the_disks_that_are_asked_for_and_no_other() {
        let texts = ["{}", "<domain/>", "QFI", "one", "two"];
        let file = exported(&texts);
        assert_eq!(read_all(&file, 3).unwrap(), texts.map(|text| text.as_bytes().to_vec()));
        let says = |disks| read_all(&file, disks).map_err(|e| e.message).expect_err("refused");
        let unread = |why: &str| format!("not an export that lite can read: {why}");
        assert_eq!(says(2), unread("something follows its last member"));
        assert_eq!(says(4), unread("the plain file `disk-3.qcow2` is not where it has to be"));
        // No more than an instance can have, whoever asks.
        let most: Vec<&str> = std::iter::repeat_n("x", TEXTS.len() + DISKS.len()).collect();
        let file = exported(&most);
        assert_eq!(read_all(&file, DISKS.len()).map(|all| all.len()), Ok(most.len()));
        let more = read_all(&file, DISKS.len() + 1).map_err(|e| e.message);
        assert_eq!(more.expect_err("refused"), unread("it has no further member"));
        let mut full = Vec::new();
        let mut writer = Writer::new(&mut full, Timestamp::UNIX_EPOCH);
        most.iter().for_each(|text| writer.add(&mut text.as_bytes(), 1).unwrap());
        assert_eq!(writer.add(&mut "x".as_bytes(), 1).map_err(|e| e.code), Err(Code::NotWritable));
    }

    #[test]
    fn it_is_a_tar_of_plain_files_in_their_order() {
        let texts = ["{}", "<domain/>", "QFI", "QFI2"];
        let file = exported(&texts);
        let mut tar = tar::Archive::new(file.as_slice());
        let read = tar.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.entry_type(), header.mode().unwrap()), (EntryType::Regular, 0o600));
            let (name, mut text) = (entry.path().unwrap().display().to_string(), String::new());
            entry.read_to_string(&mut text).unwrap();
            (name, text)
        });
        let wanted = TEXTS.iter().chain(&DISKS).zip(texts).map(|(name, text)| ((*name).to_owned(), text.to_owned()));
        assert_eq!(read.collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
    }
}
