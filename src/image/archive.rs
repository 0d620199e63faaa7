//! The file of an export: a tar of three plain files, in an order that never changes, so that what reads one need not follow anything
//! that a tar can be beside it.

use std::io::{Read, Write};

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

#[cfg(test)]
mod tests {
    use super::*;

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
