//! Test support: what only a test does to a host.

use super::{
    Libvirt,
    connect::{LONG, no_nul},
    lookup, pool,
};
use crate::model::Result;

impl Libvirt {
    /// As `ensure_domain`, without a comparison with libvirt's schema.
    pub fn define_unvalidated(&self, xml: &str) -> Result<()> {
        no_nul(&[xml])?;
        let xml = xml.to_owned();
        self.link.call("define the domain", LONG, move |c| {
            c.define_domain_xml_flags(&xml, 0)?;
            Ok(())
        })
    }

    /// Stops and undefines a pool; its files stay. Content if it is not there.
    pub fn remove_pool(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.link.call(&format!("remove storage pool `{name}`"), LONG, move |c| {
            let Some(pool) = pool::find(c, &name)? else { return Ok(()) };
            if pool.is_active()? {
                pool.destroy()?;
            }
            match pool.undefine() {
                // A pool without a definition is gone once it is stopped.
                Err(_) if pool::find(c, &name)?.is_none() => Ok(()),
                answer => Ok(answer?),
            }
        })
    }

    /// Stops and undefines a network. Content if it is not there.
    pub fn remove_network(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.link.call(&format!("remove network `{name}`"), LONG, move |c| {
            let Some(network) = lookup::network(c, &name)? else { return Ok(()) };
            if network.is_active()? {
                network.destroy()?;
            }
            match network.undefine() {
                // A network without a definition is gone once it is stopped.
                Err(_) if lookup::network(c, &name)?.is_none() => Ok(()),
                answer => Ok(answer?),
            }
        })
    }
}
