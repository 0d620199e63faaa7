//! What of the network only the database has, load balancers and static addresses, written beside it: a rebuild reads it back.

use std::{
    fs::File,
    io::{ErrorKind, Read, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{Store, not_writable, unreadable_file};
use crate::model::{Code, Error, HostId, LoadBalancer, Result, StaticIp};

/// Its name, in the folder of the database.
const NAME: &str = "network.json";
/// The form that this lite writes and reads.
const SCHEMA: u32 = 1;
/// Most bytes that are read of one.
const MOST: u64 = 16 << 20;

/// What it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkFile {
    schema: u32,
    /// The load balancers of the host, with their instances.
    pub load_balancers: Vec<LoadBalancer>,
    /// Its static addresses.
    pub static_ips: Vec<StaticIp>,
}

impl NetworkFile {
    /// The one in a folder; none: there is none.
    ///
    /// # Errors
    /// It cannot be read, or a newer lite wrote it.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(NAME);
        let mut text = Vec::new();
        match File::open(&path).and_then(|file| file.take(MOST).read_to_end(&mut text)) {
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(unreadable_file(&path, &e)),
        }
        let unreadable = || Error::new(Code::StateUnreadable, format!("cannot read `{}`", path.display()));
        let read: Self = serde_json::from_slice(&text).map_err(|e| unreadable().cause(e))?;
        if read.schema == SCHEMA { Ok(Some(read)) } else { Err(unreadable().cause("another lite wrote it")) }
    }

    fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(NAME);
        let write = || {
            // Mode 0600.
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            file.as_file().sync_all()?;
            file.persist(&path).map(drop).map_err(|e| e.error)
        };
        write().map_err(|e| not_writable(&path, &e))
    }
}

impl Store {
    /// Writes what the database has of a host now. Whoever changes a load balancer or a static address does so.
    ///
    /// # Errors
    /// Those of the database, or the file cannot be written.
    pub fn write_network_file(&self, host: &HostId) -> Result<()> {
        let file = NetworkFile {
            schema: SCHEMA,
            load_balancers: self.load_balancers(host)?,
            static_ips: self.static_ips(host)?,
        };
        file.write(self.connection.path.parent().unwrap_or(Path::new(".")))
    }
}
