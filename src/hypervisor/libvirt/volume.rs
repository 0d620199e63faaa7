//! Storage volumes.

use std::{io::Read, time::Duration};

use virt::{
    connect::Connect,
    error::{Error as VirtError, ErrorNumber},
    storage_pool::StoragePool,
    storage_vol::StorageVol,
    stream::Stream,
};

use super::{
    Libvirt,
    connect::{LONG, ORDINARY, no_nul},
    errors::{Outcome, or_absent, present},
    pool, transfer,
};
use crate::{
    hypervisor::{Upload, VolumeInfo, Volumes},
    model::{Code, Error, Result, escaped},
};

/// Bytes per message of an upload; libvirt's own limit is 4 MiB, its clients use 64 to 256 KiB.
const CHUNK: usize = 256 * 1024;

/// Deadline of a copy inside the pool, which libvirt makes by itself; a daemon that hangs meanwhile is given up on sooner.
const COPY: Duration = Duration::from_secs(3600);

fn find(pool: &StoragePool, name: &str) -> Outcome<Option<StorageVol>> {
    present(pool.lookup_storage_vol_by_name(name), ErrorNumber::NoStorageVolume)
}

fn read(volume: &StorageVol) -> std::result::Result<VolumeInfo, VirtError> {
    let info = volume.info()?;
    Ok(VolumeInfo { name: volume.name()?, path: volume.path()?, capacity: info.capacity, allocation: info.allocation })
}

impl Volumes for Libvirt {
    fn volumes(&self, pool: &str) -> Result<Vec<VolumeInfo>> {
        no_nul(&[pool])?;
        let pool = pool.to_owned();
        self.link.call(&format!("list the volumes of pool `{}`", escaped(&pool)), LONG, move |c| {
            let mut found = Vec::new();
            for volume in pool::must(c, &pool)?.list_all_volumes(0)? {
                // One may go while we look.
                found.extend(present(read(&volume), ErrorNumber::NoStorageVolume)?);
            }
            Ok(found)
        })
    }

    fn volume(&self, pool: &str, name: &str) -> Result<Option<VolumeInfo>> {
        no_nul(&[pool, name])?;
        let (pool, name) = (pool.to_owned(), name.to_owned());
        self.link.call(&format!("look for volume `{}`", escaped(&name)), ORDINARY, move |c| {
            let Some(pool) = pool::find(c, &pool)? else { return Ok(None) };
            match find(&pool, &name)? {
                None => Ok(None),
                Some(volume) => present(read(&volume), ErrorNumber::NoStorageVolume),
            }
        })
    }

    fn ensure_volume(&self, pool: &str, name: &str, xml: &str) -> Result<()> {
        no_nul(&[xml])?;
        if self.volume(pool, name)?.is_some() {
            return Ok(());
        }
        let (pool, name, xml) = (pool.to_owned(), name.to_owned(), xml.to_owned());
        // Once: a daemon that dies meanwhile leaves a volume of full size and wrong bytes, which a second try would accept.
        self.link.call_once(
            &format!("create volume `{}`", escaped(&name)),
            LONG,
            move |c| match StorageVol::create_xml(&pool::must(c, &pool)?, &xml, 0) {
                Err(error) if error.code().is(ErrorNumber::StorageVolExist) => Ok(()),
                answer => answer.map(|_| ()).map_err(Into::into),
            },
        )
    }

    fn upload(&self, pool: &str, name: &str, bytes: &[u8]) -> Result<()> {
        no_nul(&[pool, name])?;
        let (pool, name, bytes) = (pool.to_owned(), name.to_owned(), bytes.to_vec());
        self.link.call(&format!("write volume `{}`", escaped(&name)), LONG, move |c| {
            let volume = must(&pool::must(c, &pool)?, &name)?;
            check_room(&volume, bytes.len() as u64)?;
            write(c, &volume, &bytes)
        })
    }

    fn upload_from(&self, pool: &str, name: &str, upload: Upload<'_>) -> Result<()> {
        no_nul(&[pool, name])?;
        transfer::upload(&self.link, pool, name, upload)
    }

    fn download(&self, pool: &str, name: &str) -> Result<Box<dyn Read + Send>> {
        no_nul(&[pool, name])?;
        transfer::download(&self.link, pool, name)
    }

    fn clone_volume(&self, pool: &str, source: &str, name: &str, xml: &str) -> Result<()> {
        no_nul(&[source, xml])?;
        if self.volume(pool, name)?.is_some() {
            return Ok(());
        }
        let (pool, source, name, xml) = (pool.to_owned(), source.to_owned(), name.to_owned(), xml.to_owned());
        // Once, as for `ensure_volume`.
        self.link.call_once(&format!("copy volume `{}` to `{}`", escaped(&source), escaped(&name)), COPY, move |c| {
            let pool = pool::must(c, &pool)?;
            match StorageVol::create_xml_from(&pool, &xml, &must(&pool, &source)?, 0) {
                Err(error) if error.code().is(ErrorNumber::StorageVolExist) => Ok(()),
                answer => answer.map(|_| ()).map_err(Into::into),
            }
        })
    }

    fn remove_volume(&self, pool: &str, name: &str) -> Result<()> {
        no_nul(&[pool, name])?;
        let (pool, name) = (pool.to_owned(), name.to_owned());
        self.link.call(&format!("delete volume `{}`", escaped(&name)), LONG, move |c| {
            let Some(pool) = pool::find(c, &pool)? else { return Ok(()) };
            match find(&pool, &name)? {
                None => Ok(()),
                Some(volume) => or_absent(volume.delete(0), ErrorNumber::NoStorageVolume),
            }
        })
    }
}

/// The volume, which must be there.
pub fn must(pool: &StoragePool, name: &str) -> Outcome<StorageVol> {
    let error = || Error::new(Code::NoVolume, format!("libvirt has no volume `{}`", escaped(name)));
    find(pool, name)?.ok_or_else(|| error().into())
}

/// Refused if so many bytes do not fit: libvirt would let the file grow past what the guest sees.
pub fn check_room(volume: &StorageVol, length: u64) -> Outcome<()> {
    let capacity = volume.info()?.capacity;
    if length <= capacity {
        return Ok(());
    }
    let text = format!("{length} bytes do not fit volume `{}` of {capacity} bytes", escaped(&volume.name()?));
    Err(Error::new(Code::VolumeTooSmall, text).into())
}

/// Sends bytes to a stream.
pub fn send(stream: &Stream, mut bytes: &[u8]) -> Outcome<()> {
    while !bytes.is_empty() {
        match stream.send(&bytes[..bytes.len().min(CHUNK)]).map(usize::try_from)? {
            Ok(sent) if sent > 0 => bytes = bytes.get(sent..).unwrap_or_default(),
            _ => return Err(Error::new(Code::UploadStalled, "libvirt took no more bytes").into()),
        }
    }
    Ok(())
}

fn write(connection: &Connect, volume: &StorageVol, bytes: &[u8]) -> Outcome<()> {
    let stream = Stream::new(connection, 0)?;
    volume.upload(&stream, 0, bytes.len() as u64, 0)?;
    if let Err(problem) = send(&stream, bytes) {
        let _ = stream.abort();
        return Err(problem);
    }
    // Errors of the writing side, such as a full disk, come here.
    Ok(stream.finish()?)
}
