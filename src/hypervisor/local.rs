//! The machine that this process runs on, and the one definition of what is local.

use std::{
    collections::BTreeSet,
    env, fs, io,
    io::{Read, Seek, SeekFrom, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket},
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        net::UnixStream,
    },
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::mpsc,
    thread,
    time::Duration,
};

use inotify::{Inotify, WatchMask};
use ipnet::IpNet;
use jiff::Timestamp;

use super::{
    machine::{Answer, FileInfo, FileTail, FolderChanges, Machine, Space},
    outside,
    tail::Tail,
};
use crate::model::Port;

/// Most bytes read of a file: the tables and states of a kernel are far smaller.
const MOST: u64 = 4 << 20;

/// How long a program may take: `apt-get` installs a package.
const LIMIT: Duration = Duration::from_secs(600);

/// How long a name is looked up.
const LOOKUP: Duration = Duration::from_secs(10);

/// The URI names this machine: `qemu:///system`, `qemu+unix:///system`, `test:///default`.
pub fn is_local(uri: &str) -> bool {
    uri.split_once("://").is_some_and(|(_, rest)| rest.starts_with('/'))
}

/// The machine that this process runs on.
#[derive(Debug, Clone, Copy)]
pub struct LocalMachine {
    runs_guests: bool,
}

impl LocalMachine {
    /// This machine, as one whose libvirt is reached by `uri`. Guests of libvirt's test driver run nowhere.
    pub fn of(uri: &str) -> Self {
        Self { runs_guests: is_local(uri) && !uri.starts_with("test:") }
    }
}

impl Machine for LocalMachine {
    fn runs_guests(&self) -> bool {
        self.runs_guests
    }

    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        fs::File::open(file)?.take(MOST).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn entries(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let mut all = fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<io::Result<Vec<_>>>()?;
        all.sort();
        Ok(all)
    }

    fn info(&self, path: &Path) -> io::Result<FileInfo> {
        info(&fs::symlink_metadata(path)?)
    }

    fn target_info(&self, path: &Path) -> io::Result<FileInfo> {
        info(&fs::metadata(path)?)
    }

    fn read_end(&self, file: &Path, most: u64) -> io::Result<(Vec<u8>, FileInfo)> {
        let mut file = fs::File::open(file)?;
        let meta = file.metadata()?;
        file.seek(SeekFrom::Start(meta.len().saturating_sub(most)))?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        Ok((bytes, info(&meta)?))
    }

    fn tail(&self, file: &Path, start: u64) -> io::Result<Box<dyn FileTail>> {
        Ok(Box::new(Tail::open(file, start)?))
    }

    fn space(&self, folder: &Path) -> io::Result<Space> {
        let seen = rustix::fs::statvfs(folder)?;
        let bytes = |blocks: u64| blocks.saturating_mul(seen.f_frsize);
        Ok(Space { total: bytes(seen.f_blocks), available: bytes(seen.f_bavail) })
    }

    fn open_kvm(&self) -> io::Result<()> {
        fs::OpenOptions::new().read(true).write(true).open("/dev/kvm").map(drop)
    }

    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)
    }

    fn write(&self, file: &Path, text: &str) -> io::Result<()> {
        fs::OpenOptions::new().write(true).truncate(true).open(file)?.write_all(text.as_bytes())
    }

    fn is_writable(&self, folder: &Path) -> bool {
        use rustix::fs::Access;
        rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
    }

    fn program(&self, name: &str) -> Option<PathBuf> {
        let path = env::var_os("PATH").unwrap_or_default();
        let more = ["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from);
        let runs = |p: &PathBuf| fs::metadata(p).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
        env::split_paths(&path).chain(more).filter(|dir| dir.is_absolute()).map(|dir| dir.join(name)).find(runs)
    }

    fn run(&self, program: &Path, arguments: &[&str]) -> io::Result<Output> {
        let mut command = Command::new(program);
        command.args(arguments);
        super::program::run(command, "", LIMIT)
    }

    fn answers(&self, socket: &Path) -> bool {
        UnixStream::connect(socket).map_or_else(|e| e.kind() == io::ErrorKind::PermissionDenied, |_| true)
    }

    fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let (answer, answers) = mpsc::channel();
        let name = name.to_owned();
        // The system's resolver knows no time-out of ours: one that hangs is left to itself.
        thread::Builder::new().name("lookup".to_owned()).spawn(move || {
            let found = (name.as_str(), 0).to_socket_addrs().map(|all| all.map(|at| at.ip()).collect());
            let _ = answer.send(found);
        })?;
        let found: Vec<IpAddr> = answers
            .recv_timeout(LOOKUP)
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no answer in time"))??;
        Ok(found.into_iter().collect::<BTreeSet<_>>().into_iter().collect())
    }

    fn is_own(&self, address: IpAddr) -> bool {
        // A socket can be bound to an address that reaches several machines too, but is not connected to one for broadcasts.
        let is_of_one = !address.is_unspecified() && !address.is_multicast() && address.to_canonical() == address;
        is_of_one && UdpSocket::bind((address, 0)).and_then(|socket| socket.connect((address, 9))).is_ok()
    }

    fn link(&self, path: &Path) -> io::Result<PathBuf> {
        fs::read_link(path)
    }

    fn outward_address(&self) -> Option<Ipv4Addr> {
        // A datagram's socket that is connected says by which address, and sends nothing. This one is for documentation.
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
        socket.connect((Ipv4Addr::new(198, 51, 100, 1), 9)).ok()?;
        match socket.local_addr().ok()? {
            SocketAddr::V4(address) => Some(*address.ip()),
            SocketAddr::V6(_) => None,
        }
    }

    fn outward_address6(&self) -> Option<Ipv6Addr> {
        let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).ok()?;
        socket.connect((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 9)).ok()?;
        match socket.local_addr().ok()? {
            SocketAddr::V6(address) => Some(*address.ip()),
            SocketAddr::V4(_) => None,
        }
    }

    fn ask_arp(&self, address: Ipv4Addr) {
        // Port 9 is "discard" (RFC 863), and the guest's firewall drops it.
        if let Ok(socket) = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)) {
            let _ = socket.send_to(&[0], (address, 9));
        }
    }

    fn ask_port(&self, address: IpAddr, port: Port, limit: Duration) -> io::Result<Answer> {
        outside::ask(address, port, limit)
    }

    fn ask_port_from_outside(&self, world: IpNet, end: (Option<IpAddr>, Port), limit: Duration) -> io::Result<Answer> {
        let ip = self.program("ip").ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "`ip` is not installed"))?;
        outside::ask_from_outside(&ip, world, end, limit)
    }

    fn remove_file(&self, file: &Path) -> io::Result<()> {
        fs::remove_file(file)
    }

    fn follow(&self, folder: &Path) -> io::Result<Box<dyn FolderChanges>> {
        let inotify = Inotify::init()?;
        inotify.watches().add(folder, WatchMask::DELETE | WatchMask::CREATE | WatchMask::MOVED_TO)?;
        Ok(Box::new(Following(inotify)))
    }
}

struct Following(Inotify);

impl FolderChanges for Following {
    fn any(&mut self) -> bool {
        let mut buffer = [0; 4096];
        self.0.read_events(&mut buffer).is_ok_and(|events| events.count() > 0)
    }
}

fn info(meta: &fs::Metadata) -> io::Result<FileInfo> {
    let modified = Timestamp::try_from(meta.modified()?).map_err(io::Error::other)?;
    Ok(FileInfo {
        is_folder: meta.is_dir(),
        length: meta.len(),
        // POSIX leaves the unit open; on Linux it is 512 bytes.
        allocated: meta.blocks().saturating_mul(512),
        mode: meta.permissions().mode() & 0o7777,
        modified,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_definition_of_local() {
        let local = ["qemu:///system", "qemu+unix:///system?socket=/run/x", "qemu:///session", "test:///default"];
        assert_eq!(local.map(is_local), [true; 4]);
        assert_eq!(local.map(|uri| LocalMachine::of(uri).runs_guests()), [true, true, true, false]);
        let remote = ["qemu+ssh://root@host/system", "qemu+tls://host/system", "nonsense", ""];
        assert_eq!(remote.map(is_local), [false; 4]);
        assert_eq!(remote.map(|uri| LocalMachine::of(uri).runs_guests()), [false; 4]);
    }

    #[test]
    fn an_own_address_is_of_this_machine_alone() {
        let machine = LocalMachine::of("qemu:///system");
        let own = |address: &str| machine.is_own(address.parse().unwrap());
        assert_eq!(["127.0.0.1", "127.0.0.2"].map(own), [true; 2]);
        // The last of them is for broadcasts on the loopback's network.
        let others = ["0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.2.1", "127.255.255.255"];
        assert_eq!(others.map(own), [false; 5]);
        assert_eq!(["::", "ff02::1", "::ffff:127.0.0.1", "2001:db8::7"].map(own), [false; 4]);
    }

    #[test]
    fn looks_at_this_machine() {
        let machine = LocalMachine::of("qemu:///system");
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        for _ in 0..2 {
            machine.make_folder(&deep).unwrap();
        }
        let mut changes = machine.follow(&deep).unwrap();
        assert!(!changes.any());
        let files = ["2", "1"].map(|name| deep.join(name));
        files.iter().for_each(|file| fs::write(file, "text\n").unwrap());
        assert!(changes.any() && !changes.any());
        assert_eq!(machine.entries(&deep).unwrap(), [files[1].clone(), files[0].clone()]);
        assert_eq!(machine.text(&files[0].display().to_string()).unwrap(), "text");
        let info = machine.info(&files[0]).unwrap();
        assert_eq!(machine.read_end(&files[0], 3).unwrap(), (b"xt\n".to_vec(), info));
        let link = deep.join("link");
        std::os::unix::fs::symlink(&files[0], &link).unwrap();
        assert_eq!((machine.target_info(&link).unwrap(), machine.info(&link).unwrap() == info), (info, false));
        machine.write(&link, "new!").unwrap();
        assert_eq!(machine.read(&files[0]).unwrap(), b"new!");
        assert!(machine.write(&deep.join("none"), "x").is_err(), "nothing is made");
        assert_eq!((info.is_folder, info.length, machine.info(&deep).unwrap().is_folder), (false, 5, true));
        machine.remove_file(&files[0]).unwrap();
        assert_eq!(machine.read(&files[0]).map_err(|e| e.kind()), Err(io::ErrorKind::NotFound));
        let space = machine.space(&deep).unwrap();
        assert!(space.available <= space.total && space.total > 0);
        assert_eq!(machine.boot_id().len(), 36);
        assert!(machine.uptime() > 0.0 && machine.is_writable(&deep) && !machine.answers(&deep));
        assert!(!machine.has_bridge("lite-no-bridge"));
    }

    #[test]
    fn a_program_is_found_and_what_it_prints_is_given() {
        let machine = LocalMachine::of("qemu:///system");
        assert_eq!(machine.program("no-such-program-of-anyones"), None);
        let sh = machine.program("sh").unwrap();
        // What is left behind keeps its output open, and is not waited for.
        let out = machine.run(&sh, &["-c", "sleep 60 & echo $!; echo no >&2; exit 3"]).unwrap();
        assert_eq!((out.status.code(), out.stderr), (Some(3), b"no\n".to_vec()));
        let pid = String::from_utf8(out.stdout).unwrap().trim().parse().unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), rustix::process::Signal::KILL)
            .unwrap();
    }
}
