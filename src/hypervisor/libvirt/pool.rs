//! Storage pools.

use virt::{connect::Connect, error::ErrorNumber, storage_pool::StoragePool};

use super::{
    Libvirt,
    connect::{LONG, ORDINARY, no_nul},
    errors::{Outcome, present},
    xml,
};
use crate::{
    hypervisor::{PoolInfo, Pools},
    model::{Code, Error, Hint, Result, Verb, escaped},
};

/// The pool, if there is one of the name.
pub fn find(connection: &Connect, name: &str) -> Outcome<Option<StoragePool>> {
    present(connection.lookup_storage_pool_by_name(name), ErrorNumber::NoStoragePool)
}

/// The pool, which must be there.
pub fn must(connection: &Connect, name: &str) -> Outcome<StoragePool> {
    let error = || {
        Error::new(Code::NoPool, format!("libvirt has no storage pool `{}`", escaped(name)))
            .hint(Hint::new().run_with(Verb::Doctor, &[&"--fix"]).text(" makes what lite needs on this host"))
    };
    find(connection, name)?.ok_or_else(|| error().into())
}

impl Pools for Libvirt {
    fn pool(&self, name: &str) -> Result<Option<PoolInfo>> {
        no_nul(&[name])?;
        let name = name.to_owned();
        self.link.call(&format!("look for storage pool `{}`", escaped(&name)), ORDINARY, move |c| {
            let Some(pool) = find(c, &name)? else { return Ok(None) };
            if pool.is_active()? {
                // Refused while a volume is being made; the figures are then a little old.
                let _ = pool.refresh(0);
            }
            let info = pool.info()?;
            let path = xml::text_at(&pool.xml_desc(0)?, &["target", "path"])?;
            Ok(Some(PoolInfo { active: pool.is_active()?, path, capacity: info.capacity, available: info.available }))
        })
    }

    fn ensure_pool(&self, name: &str, xml: &str) -> Result<()> {
        no_nul(&[name, xml])?;
        let (name, xml) = (name.to_owned(), xml.to_owned());
        self.link.call(&format!("make storage pool `{}`", escaped(&name)), LONG, move |c| {
            let pool = match find(c, &name)? {
                Some(pool) => pool,
                None => define(c, &name, &xml)?,
            };
            if !pool.is_active()? {
                start(&pool)?;
            }
            if !pool.autostart()? {
                pool.set_autostart(true)?;
            }
            Ok(())
        })
    }
}

fn define(connection: &Connect, name: &str, xml: &str) -> Outcome<StoragePool> {
    match connection.define_storage_pool_xml(xml, 0) {
        Ok(pool) => Ok(pool),
        // Another process may have been faster.
        Err(error) => find(connection, name)?.ok_or_else(|| error.into()),
    }
}

fn start(pool: &StoragePool) -> Outcome<()> {
    // Building a directory pool makes the directory; building any other kind could format something.
    if xml::root_attribute(&pool.xml_desc(0)?, "type")?.as_deref() == Some("dir") {
        pool.build(0)?;
    }
    match pool.create(0) {
        Err(_) if pool.is_active()? => Ok(()),
        answer => Ok(answer?),
    }
}
