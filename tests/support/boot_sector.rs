//! Guests that are one boot sector: 32 MiB, no operating system, up in a second even without KVM. Each `Lab` makes what
//! it needs under names of its own and removes all of it when it goes.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    process::Command,
    time::{Duration, Instant},
};

use lite::hypervisor::{DomainState, libvirt::Libvirt, prelude::*};
use tempfile::TempDir;
use uuid::Uuid;

use super::skip::skip;

/// Does nothing, for ever.
pub const IDLE: &[u8] = &[0xFB, 0xF4, 0xEB, 0xFD];
/// Powers off after 2 s.
pub const POWER_OFF: &[u8] = &[
    0xB4, 0x86, 0xB9, 0x1E, 0x00, 0xBA, 0x80, 0x84, 0xCD, 0x15, 0xBA, 0x04, 0x06, 0xB8, 0x00, 0x20, 0xEF, 0xF4, 0xEB,
    0xFD,
];
/// Panics after 2 s, through the `isa` panic device.
pub const PANIC: &[u8] =
    &[0xB4, 0x86, 0xB9, 0x1E, 0x00, 0xBA, 0x80, 0x84, 0xCD, 0x15, 0xBA, 0x05, 0x05, 0xB0, 0x01, 0xEE, 0xF4, 0xEB, 0xFD];
/// Sends back every byte that comes on the first serial port.
pub const ECHO: &[u8] = &[0xBA, 0xFD, 0x03, 0xEC, 0xA8, 0x01, 0x74, 0xF8, 0xBA, 0xF8, 0x03, 0xEC, 0xEE, 0xEB, 0xF1];

/// Writes an `X` to the first serial port at each timer tick, 18 a second.
pub const CHATTY: &[u8] = &[0xFB, 0xBA, 0xF8, 0x03, 0xB0, 0x58, 0xEE, 0xF4, 0xEB, 0xFC];

/// Where the tests look for libvirt.
pub const SYSTEM: &str = "qemu:///system";

/// A code padded to a bootable sector.
pub fn sector(code: &[u8]) -> Vec<u8> {
    let mut sector = code.to_vec();
    sector.resize(510, 0);
    sector.extend([0x55, 0xAA]);
    sector
}

/// libvirt's QEMU; the test is skipped where it is not reached.
pub fn host() -> Libvirt {
    Libvirt::open(SYSTEM).unwrap_or_else(|error| skip(error.to_string()))
}

/// Polls until `done`, at most a minute.
pub fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < deadline, "waited a minute for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Runs a command that must succeed; its output.
pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A pool and what else a test makes on the host.
pub struct Lab {
    /// The host.
    pub host: Libvirt,
    /// Prefix of all names, and the pool's name.
    pub name: String,
    domains: Vec<Uuid>,
    networks: Vec<String>,
    filters: Vec<String>,
    directory: TempDir,
}

impl Lab {
    /// A new one with an empty pool.
    pub fn new() -> Self {
        let host = host();
        let directory = tempfile::Builder::new().prefix("lite-test-").tempdir().expect("a directory");
        // QEMU runs as another user.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
        let name = format!("lite-test-{}", &Uuid::new_v4().simple().to_string()[..8]);
        let lab = Self { host, name, domains: Vec::new(), networks: Vec::new(), filters: Vec::new(), directory };
        let target = lab.directory.path().join("pool");
        let xml = format!(
            "<pool type='dir'><name>{}</name><target><path>{}</path></target></pool>",
            lab.name,
            target.display()
        );
        lab.host.ensure_pool(&lab.name, &xml).expect("a pool");
        lab
    }

    /// Writes `bytes` into a new raw volume; its path.
    pub fn volume(&self, name: &str, bytes: &[u8]) -> String {
        let xml = format!(
            "<volume><name>{name}</name><capacity unit='KiB'>1024</capacity><target><format type='raw'/>\
             <permissions><mode>0600</mode></permissions></target></volume>"
        );
        self.host.ensure_volume(&self.name, name, &xml).expect("a volume");
        self.host.upload(&self.name, name, bytes).expect("its bytes");
        self.host.volume(&self.name, name).expect("asked").expect("there").path
    }

    /// Defines a guest that runs `code`. `devices` are added.
    pub fn guest(&mut self, code: &[u8], devices: &str) -> Uuid {
        let disk = self.volume(&format!("{}.raw", self.domains.len()), &sector(code));
        self.defined(&disk, devices)
    }

    /// Defines a guest on a disk that is there.
    pub fn defined(&mut self, disk: &str, devices: &str) -> Uuid {
        let uuid = Uuid::new_v4();
        let name = format!("{}-{}", self.name, self.domains.len());
        let xml = format!(
            "<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>32</memory><vcpu>1</vcpu>\
             <os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/></features><on_crash>destroy</on_crash>\
             <devices><disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{disk}'/>\
             <target dev='vda' bus='virtio'/></disk><serial type='pty'/><panic model='isa'/>{devices}</devices></domain>"
        );
        self.domains.push(uuid);
        self.host.ensure_domain(&xml).expect("defined");
        uuid
    }

    /// A started guest.
    pub fn running(&mut self, code: &[u8]) -> Uuid {
        let uuid = self.guest(code, "");
        self.host.start(uuid).expect("started");
        uuid
    }

    /// Starts an isolated network of its own, 198.18.N.0/24 (a range for tests); its name and N.
    pub fn network(&mut self) -> (String, u8) {
        let name = self.name.clone();
        self.networks.push(name.clone());
        let bridge = format!("lt{}", &name[name.len() - 8..]);
        // Another test may have drawn the same number.
        for subnet in Uuid::new_v4().into_bytes() {
            let xml = format!(
                "<network><name>{name}</name><bridge name='{bridge}' stp='off' delay='0'/>\
                 <ip address='198.18.{subnet}.1' netmask='255.255.255.0'><dhcp><range start='198.18.{subnet}.2' \
                 end='198.18.{subnet}.254'/></dhcp></ip></network>"
            );
            match self.host.ensure_network(&name, &xml) {
                Ok(()) => return (name, subnet),
                Err(_) => self.host.remove_network(&name).expect("removed"),
            }
        }
        panic!("no subnet is free");
    }

    /// Remembers a filter to be removed.
    pub fn owns_filter(&mut self, name: &str) {
        self.filters.push(name.to_owned());
    }

    /// The state of a guest.
    pub fn state(&self, uuid: Uuid) -> DomainState {
        self.host.domain(uuid).expect("asked").expect("there").state
    }

    /// Process id of a running guest's QEMU.
    pub fn pid(&self, uuid: Uuid) -> String {
        let name = self.host.domain(uuid).expect("asked").expect("there").name;
        fs::read_to_string(format!("/run/libvirt/qemu/{name}.pid")).expect("a pid file").trim().to_owned()
    }

    fn clean(&self) -> lite::model::Result<()> {
        for uuid in &self.domains {
            self.host.destroy(*uuid)?;
            self.host.remove_domain(*uuid)?;
        }
        self.filters.iter().try_for_each(|f| self.host.remove_filter(f))?;
        self.networks.iter().try_for_each(|n| self.host.remove_network(n))?;
        self.host.remove_pool(&self.name)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Err(error) = self.clean() {
            let _ = writeln!(std::io::stderr(), "{} was not cleaned up: {error}", self.name);
            assert!(std::thread::panicking(), "the test left something behind");
        }
    }
}
