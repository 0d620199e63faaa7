//! Runs HAProxy as lite's web front: starts it, tells it what changes, reloads it, and ends it.

mod files;
mod leaving;
mod process;
mod socket;
mod statistics;

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use leaving::Leaving;

use super::{ReverseProxy, is_local};
use crate::model::{Code, Error, ProxyConfiguration, ProxyServer, ProxyStatistics, Result};

/// Where HAProxy is.
pub enum Haproxy {
    /// On this machine.
    Here,
    /// Guests of libvirt's test driver run nowhere: what was loaded is remembered, and that is all.
    Nowhere(Mutex<Option<String>>),
    /// On another machine, whose files are not written from here.
    OutOfReach,
}

impl Haproxy {
    /// The web front of the machine whose libvirt is reached by `uri`.
    pub fn of(uri: &str) -> Self {
        match uri {
            uri if uri.starts_with("test:") => Self::Nowhere(Mutex::default()),
            uri if is_local(uri) => Self::Here,
            _ => Self::OutOfReach,
        }
    }
}

impl ReverseProxy for Haproxy {
    fn loaded_proxy(&self, folder: &Path) -> Result<Option<String>> {
        match self {
            Self::Here => Ok(socket::digest(folder)),
            Self::Nowhere(loaded) => Ok(loaded.lock().unwrap_or_else(PoisonError::into_inner).clone()),
            Self::OutOfReach => Ok(None),
        }
    }

    fn load_proxy(&self, wanted: &ProxyConfiguration) -> Result<Option<Vec<ProxyStatistics>>> {
        match (self, &wanted.digest) {
            (Self::Nowhere(loaded), digest) => {
                loaded.lock().unwrap_or_else(PoisonError::into_inner).clone_from(digest);
                Ok(None)
            }
            (Self::OutOfReach, None) => Ok(None),
            (Self::OutOfReach, Some(_)) => {
                Err(Error::new(Code::NotPublishable, "a domain is published on the host itself: run lite there"))
            }
            (Self::Here, None) => process::end(&wanted.folder).map(|()| None),
            (Self::Here, Some(digest)) => load(wanted, digest),
        }
    }

    fn proxy_statistics(&self, folder: &Path, backends: &[String]) -> Result<Vec<ProxyStatistics>> {
        match self {
            Self::Here => Ok(statistics::of(folder, backends)),
            Self::Nowhere(_) | Self::OutOfReach => Ok(Vec::new()),
        }
    }

    fn end_proxy_sessions(&self, folder: &Path, server: &ProxyServer) -> Result<()> {
        match self {
            Self::Here => statistics::end_sessions(folder, server),
            Self::Nowhere(_) | Self::OutOfReach => Ok(()),
        }
    }
}

/// What cannot be told to the worker, or is fixed at its start, is read from the files by a new one.
fn load(wanted: &ProxyConfiguration, digest: &str) -> Result<Option<Vec<ProxyStatistics>>> {
    let folder = &wanted.folder;
    let running = socket::digest(folder);
    let mut counted = None;
    if running.as_deref() == Some(digest) {
        let told = socket::tell_difference(wanted);
        // Only now: what was not told is found different again.
        files::write_live(wanted)?;
        if told {
            return statistics::set_servers(folder, &wanted.servers.iter().collect::<Vec<_>>()).map(|()| None);
        }
        counted = reload(wanted, digest)?;
    } else {
        files::write_live(wanted)?;
        files::write_fixed(wanted)?;
        match running {
            Some(_) => counted = reload(wanted, digest)?,
            None => process::start(folder, digest)?,
        }
    }
    // A new worker has all of them at work.
    let draining: Vec<&ProxyServer> = wanted.servers.iter().filter(|server| server.draining).collect();
    statistics::set_servers(folder, &draining).map(|()| counted)
}

/// A reload begins all counters anew: what the worker before had counted in the end.
fn reload(wanted: &ProxyConfiguration, digest: &str) -> Result<Option<Vec<ProxyStatistics>>> {
    let before = Some(&wanted.counted).filter(|all| !all.is_empty()).and_then(|_| Leaving::of(&wanted.folder));
    process::reload(&wanted.folder, digest)?;
    Ok(before.map(|worker| worker.counted(&wanted.counted)))
}
