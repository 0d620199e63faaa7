//! The machine that libvirt runs on, looked at beside libvirt: its kernel, its folders and files.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::fd::BorrowedFd,
    path::{Path, PathBuf},
    process::Output,
    time::Duration,
};

use ipnet::IpNet;
use jiff::Timestamp;

use crate::model::{Mac, Port};

/// What is known of a file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileInfo {
    /// It is a folder.
    pub is_folder: bool,
    /// Its length, bytes.
    pub length: u64,
    /// Bytes it takes on its disk.
    pub allocated: u64,
    /// Its permissions: the lowest twelve bits of its mode.
    pub mode: u32,
    /// When it was last written to.
    pub modified: Timestamp,
}

/// Space of the file system that a folder lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes in all.
    pub total: u64,
    /// Bytes that may still be written by others than root.
    pub available: u64,
}

/// What comes of a connection to a port, or of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The connection is made, or a datagram comes back.
    Accepted,
    /// It is refused: nothing listens there, or a firewall answers so.
    Refused,
    /// Nothing comes back in time, or that the port is out of reach.
    Unreached,
}

/// Changes of the entries of a folder.
pub trait FolderChanges: Send {
    /// Whether an entry came or went since the last call. Does not wait.
    fn any(&mut self) -> bool;
}

/// A file that grows and may be replaced by a new one of its name, as virtlogd does with a log.
pub trait FileTail: Send {
    /// New bytes since the last call, at most 256 KiB; empty if there are none, or no such file yet.
    fn bytes(&mut self) -> io::Result<Vec<u8>>;
    /// Can be read from as soon as the file changed.
    fn changes(&self) -> BorrowedFd<'_>;
    /// Takes note of the changes so far, so that `changes` waits for the next.
    fn clear(&mut self) -> io::Result<()>;
}

/// A machine, by its kernel and its file system.
///
/// Calls that give `io::Result` fail as the system's own call does.
pub trait Machine: Send + Sync {
    /// Whether libvirt runs its guests on it. Where it does not, nothing it says of its kernel or its pool counts.
    fn runs_guests(&self) -> bool;
    /// The content of a file, at most 4 MiB of it.
    fn read(&self, file: &Path) -> io::Result<Vec<u8>>;
    /// The entries of a folder, in the order of their names.
    fn entries(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;
    /// What is known of a file or a folder; of a link, not of what it names.
    fn info(&self, path: &Path) -> io::Result<FileInfo>;
    /// What is known of a file or a folder; of a link, what is known of what it names.
    fn target_info(&self, path: &Path) -> io::Result<FileInfo>;
    /// The last bytes of a file, at most `most`, and what is known of it. Costs the same for a file that has grown.
    fn read_end(&self, file: &Path, most: u64) -> io::Result<(Vec<u8>, FileInfo)>;
    /// Follows a file from byte `start` on; the file need not exist yet, its folder must. One that is shorter is new: it is
    /// read from its start.
    fn tail(&self, file: &Path, start: u64) -> io::Result<Box<dyn FileTail>>;
    /// The space of the file system that a folder lies on.
    fn space(&self, folder: &Path) -> io::Result<Space>;
    /// Opens `/dev/kvm` as QEMU does, and closes it.
    fn open_kvm(&self) -> io::Result<()>;
    /// Makes a folder with those it lies in; content if it is there.
    fn make_folder(&self, folder: &Path) -> io::Result<()>;
    /// Writes a text in place of what is in a file that is there.
    fn write(&self, file: &Path, text: &str) -> io::Result<()>;
    /// Whether this process may make and remove entries of a folder.
    fn is_writable(&self, folder: &Path) -> bool;
    /// Where a program is, looked for in `PATH` and in the folders of root's programs.
    fn program(&self, name: &str) -> Option<PathBuf>;
    /// Runs a program to its end, without input, for at most ten minutes; of what it prints at most 4 MiB each are given. It may
    /// leave a daemon behind.
    fn run(&self, program: &Path, arguments: &[&str]) -> io::Result<Output>;
    /// Whether a socket takes connections; also if it is there and this user may not.
    fn answers(&self, socket: &Path) -> bool;
    /// Sends a datagram that nobody answers, so that the kernel asks for the hardware address.
    fn ask_arp(&self, address: Ipv4Addr);
    /// What a symbolic link names.
    fn link(&self, path: &Path) -> io::Result<PathBuf>;
    /// The address that it has for the world; none: nothing leads there.
    fn outward_address(&self) -> Option<Ipv4Addr>;
    /// The IPv6 address that it has for the world; none: nothing leads there.
    fn outward_address6(&self) -> Option<Ipv6Addr>;
    /// Whether one of its interfaces has this address.
    fn is_own(&self, address: IpAddr) -> bool;
    /// The addresses of a name, as its resolver tells them within ten seconds.
    fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>>;
    /// What comes of a connection to a port that this machine begins, and ends at once.
    fn ask_port(&self, address: IpAddr, port: Port, limit: Duration) -> io::Result<Answer>;
    /// The same where a network namespace begins it, which stands for the world and is gone in the end, however this process
    /// ends. `world` is a network of at least 256 addresses that no route leads to: from there it comes. Without an address it is to
    /// the machine's own end of the link.
    fn ask_port_from_outside(&self, world: IpNet, end: (Option<IpAddr>, Port), limit: Duration) -> io::Result<Answer>;
    /// Removes a file.
    fn remove_file(&self, file: &Path) -> io::Result<()>;
    /// Follows the entries of a folder.
    fn follow(&self, folder: &Path) -> io::Result<Box<dyn FolderChanges>>;

    /// The text of a file, as far as it is UTF-8, without white space around it.
    fn text(&self, file: &str) -> io::Result<String> {
        Ok(String::from_utf8_lossy(&self.read(Path::new(file))?).trim().to_owned())
    }

    /// Whether systemd-resolved runs, which keeps its state there.
    fn has_resolved(&self) -> bool {
        self.info(Path::new("/run/systemd/resolve")).is_ok()
    }

    /// Its name; empty if that cannot be read.
    fn hostname(&self) -> String {
        self.text("/proc/sys/kernel/hostname").unwrap_or_default()
    }

    /// The id of its present boot; empty if that cannot be read.
    fn boot_id(&self) -> String {
        self.text("/proc/sys/kernel/random/boot_id").unwrap_or_default()
    }

    /// Whether it has a bridge of that name.
    fn has_bridge(&self, name: &str) -> bool {
        self.info(&Path::new("/sys/class/net").join(name).join("bridge")).is_ok_and(|i| i.is_folder)
    }

    /// Seconds since it was booted, time asleep included; 0 if that cannot be read.
    fn uptime(&self) -> f64 {
        let text = self.text("/proc/uptime").unwrap_or_default();
        text.split(' ').next().and_then(|t| t.parse().ok()).unwrap_or(0.0)
    }

    /// Whether somebody answers ARP for an address, as the kernel knows it. Asks, so that the kernel comes to know.
    fn answers_arp(&self, address: Ipv4Addr) -> bool {
        self.neighbour(address).is_some()
    }

    /// The hardware address that answers ARP for an address, as the kernel knows it. Asks, so that the kernel comes to know.
    fn neighbour(&self, address: Ipv4Addr) -> Option<Mac> {
        let known = self.text("/proc/net/arp").ok().and_then(|table| in_arp_table(&table, address));
        if known.is_none() {
            self.ask_arp(address);
        }
        known
    }

    /// Whether it is being shut down or rebooted, as systemd tells; not where there is none.
    fn is_shutting_down(&self) -> bool {
        let state = self.program("systemctl").and_then(|systemctl| self.run(&systemctl, &["is-system-running"]).ok());
        state.is_some_and(|out| out.stdout.trim_ascii() == b"stopping")
    }
}

/// The hardware address of the kernel's complete entry for an address.
fn in_arp_table(table: &str, address: Ipv4Addr) -> Option<Mac> {
    let wanted = address.to_string();
    // proc(5): columns IP address, HW type, Flags, HW address, Mask, Device; flag 0x2 is a complete entry.
    table.lines().skip(1).find_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let [address, _, flags, mac, ..] = columns[..] else { return None };
        Mac::parse(mac).ok().filter(|_| address == wanted && flags == "0x2")
    })
}

#[cfg(test)]
mod tests {
    use super::in_arp_table;

    #[test]
    fn only_complete_entries_of_the_arp_table_count() {
        let table = "IP address       HW type     Flags       HW address            Mask     Device\n\
                     192.0.2.10       0x1         0x2         52:54:00:00:00:01     *        virbr0\n\
                     192.0.2.11       0x1         0x0         00:00:00:00:00:00     *        virbr0\n";
        let known = [10, 11, 12, 1].map(|n| in_arp_table(table, [192, 0, 2, n].into()).map(|mac| mac.to_string()));
        assert_eq!(known, [Some("52:54:00:00:00:01".to_owned()), None, None, None]);
        assert_eq!(in_arp_table("", [192, 0, 2, 10].into()), None);
    }
}
