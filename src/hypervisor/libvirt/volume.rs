//! Storage volumes.

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
    pool,
};
use crate::{
    hypervisor::{VolumeInfo, Volumes},
    model::{Code, Error, Result, escaped},
};

/// Bytes per message of an upload; libvirt's own limit is 4 MiB, its clients use 64 to 256 KiB.
const CHUNK: usize = 256 * 1024;

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
            let Some(volume) = find(&pool::must(c, &pool)?, &name)? else {
                return Err(Error::new(Code::NoVolume, format!("libvirt has no volume `{}`", escaped(&name))).into());
            };
            // libvirt would let the file grow past what the guest sees.
            let (capacity, length) = (volume.info()?.capacity, bytes.len() as u64);
            if length > capacity {
                let text = format!("{length} bytes do not fit volume `{}` of {capacity} bytes", escaped(&name));
                return Err(Error::new(Code::VolumeTooSmall, text).into());
            }
            send(c, &volume, &bytes)
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

fn send(connection: &Connect, volume: &StorageVol, bytes: &[u8]) -> Outcome<()> {
    let stream = Stream::new(connection, 0)?;
    volume.upload(&stream, 0, bytes.len() as u64, 0)?;
    let mut rest = bytes;
    while !rest.is_empty() {
        match stream.send(&rest[..rest.len().min(CHUNK)]).map(usize::try_from) {
            Ok(Ok(sent)) if sent > 0 => rest = rest.get(sent..).unwrap_or_default(),
            Ok(_) => {
                let _ = stream.abort();
                return Err(Error::new(Code::UploadStalled, "libvirt took no more bytes").into());
            }
            Err(error) => {
                let _ = stream.abort();
                return Err(error.into());
            }
        }
    }
    // Errors of the writing side, such as a full disk, come here.
    Ok(stream.finish()?)
}
