//! Storage volumes.

use std::{io::Read, time::Duration};

use virt::{
    error::{Error as VirtError, ErrorNumber},
    storage_vol::StorageVol,
};

use super::{
    Libvirt,
    connect::{LONG, ORDINARY, no_nul},
    errors::{or_absent, present},
    lookup, pool, transfer,
};
use crate::{
    hypervisor::{Upload, VolumeInfo, Volumes},
    model::{Result, escaped},
};

/// Deadline of a copy inside the pool, which libvirt makes by itself; a daemon that hangs meanwhile is given up on sooner.
const COPY: Duration = Duration::from_secs(3600);

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
            match lookup::volume(&pool, &name)? {
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
            let volume = lookup::must_volume(&pool::must(c, &pool)?, &name)?;
            transfer::check_room(&volume, bytes.len() as u64)?;
            transfer::write(c, &volume, &bytes)
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
            match StorageVol::create_xml_from(&pool, &xml, &lookup::must_volume(&pool, &source)?, 0) {
                Err(error) if error.code().is(ErrorNumber::StorageVolExist) => Ok(()),
                answer => answer.map(|_| ()).map_err(Into::into),
            }
        })
    }

    fn resize_volume(&self, pool: &str, name: &str, bytes: u64) -> Result<()> {
        no_nul(&[pool, name])?;
        let (pool, name) = (pool.to_owned(), name.to_owned());
        self.link.call(&format!("resize volume `{}`", escaped(&name)), LONG, move |c| {
            let volume = lookup::must_volume(&pool::must(c, &pool)?, &name)?;
            Ok(volume.resize(bytes, 0)?)
        })
    }

    fn remove_volume(&self, pool: &str, name: &str) -> Result<()> {
        no_nul(&[pool, name])?;
        let (pool, name) = (pool.to_owned(), name.to_owned());
        self.link.call(&format!("delete volume `{}`", escaped(&name)), LONG, move |c| {
            let Some(pool) = pool::find(c, &pool)? else { return Ok(()) };
            match lookup::volume(&pool, &name)? {
                None => Ok(()),
                Some(volume) => or_absent(volume.delete(0), ErrorNumber::NoStorageVolume),
            }
        })
    }
}
