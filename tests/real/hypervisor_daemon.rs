//! A libvirt daemon that is absent, silent, hanging or cut off. The last two put a relay before the real daemon.

use std::{
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::support::boot_sector::{Lab, host};
use lite::hypervisor::{libvirt::Libvirt, prelude::*};

crate::tests![
    an_absent_daemon_is_told_at_once_and_how_to_start_it,
    a_silent_daemon_is_given_up_on,
    a_cut_connection_is_opened_again,
    a_volume_whose_making_was_cut_is_not_called_made,
    a_hanging_daemon_is_given_up_on_and_found_again,
];

const DAEMON: &str = "/run/libvirt/libvirt-sock";

fn uri(socket: &Path) -> String {
    format!("qemu+unix:///system?socket={}", socket.display())
}

fn an_absent_daemon_is_told_at_once_and_how_to_start_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let began = Instant::now();
    let error = Libvirt::open(&uri(&directory.path().join("none"))).map(|_| ()).expect_err("nobody there");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!((error.code.as_str(), error.exit_code()), ("libvirt_unreachable", 5));
    assert!(error.hints.iter().any(|h| h.contains("systemctl start libvirtd")), "{error:?}");
    assert!(error.hints.iter().any(|h| h.contains("virtlogd -d; libvirtd -d")), "{error:?}");
}

fn a_silent_daemon_is_given_up_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("silent");
    let _listener = UnixListener::bind(&socket).expect("a socket");
    let began = Instant::now();
    let error = Libvirt::open(&uri(&socket)).map(|_| ()).expect_err("nobody answers");
    assert_eq!((error.code.as_str(), error.exit_code()), ("libvirt_timeout", 5));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    // Whatever else this process wants of it fails at once.
    let began = Instant::now();
    assert_eq!(Libvirt::open(&uri(&socket)).map(|_| ()).map_err(|e| e.code.as_str()), Err("libvirt_timeout"));
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

/// Hands bytes between clients and the daemon; stops handing or cuts everybody off on demand.
#[derive(Default)]
struct Relay {
    holds: AtomicBool,
    /// Cuts a connection once these bytes have passed.
    cuts_after: Mutex<Option<&'static str>>,
    clients: Mutex<Vec<UnixStream>>,
}

impl Relay {
    fn start(socket: &Path) -> Arc<Self> {
        let relay = Arc::new(Self::default());
        let (listener, this) = (UnixListener::bind(socket).expect("a socket"), Arc::clone(&relay));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = UnixStream::connect(DAEMON).expect("the daemon");
                let copy = |s: &UnixStream| s.try_clone().expect("a copy");
                this.clients.lock().expect("not poisoned").push(copy(&client));
                this.hand(copy(&client), copy(&server));
                this.hand(server, client);
            }
        });
        relay
    }

    fn hand(self: &Arc<Self>, mut from: UnixStream, mut to: UnixStream) {
        let this = Arc::clone(self);
        std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                while this.holds.load(Ordering::Acquire) {
                    std::thread::sleep(Duration::from_millis(20));
                }
                let marked = this.cuts_after.lock().expect("not poisoned");
                let cut = marked.is_some_and(|mark| buffer[..count].windows(mark.len()).any(|w| w == mark.as_bytes()));
                if to.write_all(&buffer[..count]).is_err() || cut {
                    break;
                }
            }
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
        });
    }

    fn cut(&self) {
        for client in self.clients.lock().expect("not poisoned").drain(..) {
            let _ = client.shutdown(Shutdown::Both);
        }
    }
}

fn a_cut_connection_is_opened_again() {
    host();
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("relay");
    let relay = Relay::start(&socket);
    let host = Libvirt::open(&uri(&socket)).expect("reached");
    for _ in 0..3 {
        host.domains().expect("listed");
        relay.cut();
    }
    host.filters().expect("listed");
}

fn a_volume_whose_making_was_cut_is_not_called_made() {
    let lab = Lab::new();
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("relay");
    let relay = Relay::start(&socket);
    let host = Libvirt::open(&uri(&socket)).expect("reached");
    *relay.cuts_after.lock().expect("not poisoned") = Some("<volume>");
    let xml = "<volume><name>v</name><capacity unit='KiB'>64</capacity></volume>";
    let error = host.ensure_volume(&lab.name, "v", xml).expect_err("the answer never came");
    assert_eq!((error.code.as_str(), error.exit_code()), ("libvirt_unreachable", 5));
    // libvirtd may still be at work on it, and then refuses.
    crate::support::boot_sector::wait_for("the volume to be removable", || host.remove_volume(&lab.name, "v").is_ok());
    assert_eq!(host.volume(&lab.name, "v"), Ok(None));
}

fn a_hanging_daemon_is_given_up_on_and_found_again() {
    host();
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("relay");
    let relay = Relay::start(&socket);
    let host = Libvirt::open(&uri(&socket)).expect("reached");
    host.domains().expect("listed");
    relay.holds.store(true, Ordering::Release);
    let began = Instant::now();
    assert_eq!(host.domains().map_err(|e| e.code.as_str()), Err("libvirt_timeout"));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    relay.holds.store(false, Ordering::Release);
    crate::support::boot_sector::wait_for("the daemon to be found again", || host.domains().is_ok());
    relay.holds.store(true, Ordering::Release);
    let began = Instant::now();
    drop(host);
    assert!(began.elapsed() < Duration::from_secs(3), "leaving took {:?}", began.elapsed());
    relay.holds.store(false, Ordering::Release);
}
