//! Starting daemons, on paper: nothing here touches the machine's own.

use std::{cell::RefCell, fs, time::Duration};

use super::{LIBVIRT_SOCKET, LOG_SOCKET, run, set_switch, start};
use crate::hypervisor::LocalMachine;

fn here() -> LocalMachine {
    LocalMachine::of("qemu:///system")
}

/// Runs `start` where these sockets answer at first, and each daemon that is run answers from then on if `works`.
fn started(systemd: bool, up: &[&str], works: bool) -> (Result<(), String>, Vec<String>) {
    let up = RefCell::new(up.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
    let ran = RefCell::new(Vec::new());
    let run = |program: &str, arguments: &[&str]| {
        ran.borrow_mut().push(format!("{program} {}", arguments.join(" ")));
        if works {
            up.borrow_mut().push(if program == "virtlogd" { LOG_SOCKET } else { LIBVIRT_SOCKET }.to_owned());
        }
        Ok(())
    };
    let result = start(systemd, &run, &|s| up.borrow().iter().any(|u| u == s), Duration::ZERO);
    (result.map_err(|e| e.message), ran.into_inner())
}

#[test]
fn starts_only_what_does_not_answer() {
    let lines = |l: &[&str]| l.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    assert_eq!(started(false, &[], true), (Ok(()), lines(&["virtlogd -d", "libvirtd -d"])));
    assert_eq!(started(false, &[LOG_SOCKET], true), (Ok(()), lines(&["libvirtd -d"])));
    assert_eq!(started(false, &[LOG_SOCKET, LIBVIRT_SOCKET], true), (Ok(()), lines(&[])));
    assert_eq!(started(true, &[], true), (Ok(()), lines(&["systemctl enable --now libvirtd"])));
}

#[test]
fn says_when_it_does_not_listen() {
    let message = "libvirtd was started and does not listen on `/run/libvirt/libvirt-sock` after 0 s".to_owned();
    assert_eq!(started(true, &[], false).0, Err(message));
}

#[test]
fn a_program_that_fails_tells_why() {
    assert_eq!(run(&here(), "true", &[]), Ok(()));
    let error = run(&here(), "ls", &["/nowhere/at/all"]).expect_err("not there");
    assert_eq!((error.code.as_str(), error.message.as_str()), ("not_started", "`ls /nowhere/at/all` failed"));
    assert_eq!(error.causes.len(), 1);
    let error = run(&here(), "no-such-program-of-anyones", &[]).expect_err("not installed");
    assert_eq!(
        (error.code.as_str(), error.message.as_str()),
        ("not_installed", "`no-such-program-of-anyones` is not installed")
    );
}

#[test]
fn forwarding_is_switched_on_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ip_forward");
    fs::write(&file, "0\n").expect("written");
    assert_eq!(set_switch(&here(), &file, "1"), Ok(()));
    assert_eq!(set_switch(&here(), &file, "1"), Ok(()));
    assert_eq!(fs::read_to_string(&file).ok().as_deref(), Some("1"));
    assert_eq!(
        set_switch(&here(), &folder.path().join("no/such"), "1").map_err(|e| e.code.as_str()),
        Err("not_writable")
    );
}
