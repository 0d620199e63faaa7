//! Network filters.

use virt::{connect::Connect, error::ErrorNumber, nwfilter::NWFilter};

use super::{
    Libvirt,
    connect::{LONG, no_nul},
    errors::{Outcome, or_absent, present},
    xml,
};
use crate::{
    hypervisor::Filters,
    model::{Code, Error, Result, escaped},
};

fn find(connection: &Connect, name: &str) -> Outcome<Option<NWFilter>> {
    present(connection.lookup_nwfilter_by_name(name), ErrorNumber::NoNwfilter)
}

/// No small calls: libvirt keeps filters locked while it installs one for a guest, a hundred programs one after the other.
impl Filters for Libvirt {
    fn filters(&self) -> Result<Vec<String>> {
        self.link.call("list the network filters", LONG, |c| {
            c.list_all_nw_filters(0)?.iter().map(|f| f.name().map_err(Into::into)).collect()
        })
    }

    fn ensure_filter(&self, name: &str, xml: &str) -> Result<()> {
        no_nul(&[name, xml])?;
        let (name, xml) = (name.to_owned(), xml.to_owned());
        self.link.call(&format!("define network filter `{}`", escaped(&name)), LONG, move |c| {
            if let Some(old) = find(c, &name)? {
                let (old, new) = (old.uuid_string()?, xml::text_at(&xml, &["uuid"])?);
                if !new.eq_ignore_ascii_case(&old) {
                    let text = format!("network filter `{}` exists already, with uuid {old}", escaped(&name));
                    return Err(Error::new(Code::FilterExists, text).into());
                }
            }
            c.define_nwfilter_xml(&xml)?;
            Ok(())
        })
    }

    fn filter_xml(&self, name: &str) -> Result<Option<String>> {
        no_nul(&[name])?;
        let name = name.to_owned();
        self.link.call(&format!("read network filter `{}`", escaped(&name)), LONG, move |c| match find(c, &name)? {
            None => Ok(None),
            Some(filter) => present(filter.xml_desc(0), ErrorNumber::NoNwfilter),
        })
    }

    fn remove_filter(&self, name: &str) -> Result<()> {
        no_nul(&[name])?;
        let name = name.to_owned();
        self.link.call(&format!("undefine network filter `{}`", escaped(&name)), LONG, move |c| {
            match find(c, &name)? {
                None => Ok(()),
                Some(filter) => match filter.undefine() {
                    // The only operation a filter refuses is to go while it is used.
                    Err(error) if error.code().is(ErrorNumber::OperationInvalid) => {
                        Err(in_use(&name, error.message()).into())
                    }
                    answer => or_absent(answer, ErrorNumber::NoNwfilter),
                },
            }
        })
    }
}

fn in_use(name: &str, cause: &str) -> Error {
    Error::new(
        Code::LibvirtInUse,
        format!("network filter `{}` is in use by a running guest or another filter", escaped(name)),
    )
    .cause(cause)
}
