//! What an operation has done to the host so far, so that a sweep tries each state of the host once: with the database lost,
//! or for a call that only asks, nothing else counts.

use std::{fs, path::Path};

use super::world::World;

/// Calls of the hypervisor that only ask: the host is the same whether their answer is lost before or after.
const ASKING: [&str; 25] = [
    "host",
    "domains",
    "samples",
    "domain",
    "domain_xml",
    "domain_metadata",
    "guest_addresses",
    "live_definition",
    "block_job",
    "is_frozen",
    "filters",
    "filter_xml",
    "taps",
    "links",
    "network",
    "stored_network",
    "dhcp_hosts",
    "dns_hosts",
    "loaded_rules",
    "loaded_proxy",
    "proxy_statistics",
    "pool",
    "volumes",
    "volume",
    "download",
];

/// Whether a call changes nothing on the host.
pub fn only_asks(call: &str) -> bool {
    ASKING.contains(&call)
}

/// The calls that change something, in order, and the size of each file but the database's: what a host has that lost its
/// database. Names and addresses differ from world to world, their lengths do not.
#[derive(Debug, PartialEq, Eq)]
pub struct Outside {
    changes: Vec<&'static str>,
    files: Vec<(usize, u64)>,
}

impl Outside {
    pub fn of(world: &World) -> Self {
        let mut files = vec![];
        let state = world.state();
        add_files(state.parent().expect("a folder"), state, 0, &mut files);
        files.sort_unstable();
        Self { changes: world.hypervisor.calls().into_iter().filter(|call| !only_asks(call)).collect(), files }
    }
}

fn add_files(folder: &Path, without: &Path, depth: usize, files: &mut Vec<(usize, u64)>) {
    for entry in fs::read_dir(folder).expect("read") {
        let path = entry.expect("an entry").path();
        let meta = fs::symlink_metadata(&path).expect("there");
        files.push((depth, if meta.is_file() { meta.len() } else { 0 }));
        if meta.is_dir() && path != without {
            add_files(&path, without, depth + 1, files);
        }
    }
}
