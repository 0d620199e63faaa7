//! What the scripts of the Debian package do, in a mount namespace with folders of its own. On a real host: `host_vm`.

use std::{fs, process::Command};

use crate::support::{host::text, need};

crate::tests![a_purge_takes_names_and_the_web_front_along_and_nothing_else, systemd_finds_the_units_closed];

const POSTRM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/postrm");

/// Each unit, and the most that systemd's own review of what it leaves open may come to, in tenths of ten.
const OPEN: [(&str, u32); 3] = [("lite-serve", 55), ("lite-watch", 60), ("lite-proxy", 30)];

fn systemd_finds_the_units_closed() {
    need::programs(&["systemd-analyze"]);
    let folder = tempfile::tempdir().expect("a folder");
    for (unit, most) in OPEN {
        let file = folder.path().join(format!("{unit}.service"));
        fs::copy(format!("{}/packaging/lite.{unit}.service", env!("CARGO_MANIFEST_DIR")), &file).expect("copied");
        let threshold = format!("--threshold={most}");
        let words = ["security", "--offline=true", "--no-pager", &threshold];
        let out = Command::new("systemd-analyze").args(words).arg(&file).output().expect("it runs");
        let told = text(&out.stdout);
        assert!(out.status.success(), "{unit}: {} {}", told.lines().last().unwrap_or_default(), text(&out.stderr));
    }
}

fn a_purge_takes_names_and_the_web_front_along_and_nothing_else() {
    need::programs(&["unshare", "awk"]);
    if !rustix::process::geteuid().is_root() {
        crate::support::skip::skip("needs root: a mount namespace".to_owned());
    }
    let folder = tempfile::tempdir().expect("a folder");
    let hosts = folder.path().join("hosts");
    let (begin, end) =
        ("# BEGIN lite network lite: names of instances, written by lite\n", "# END lite network lite\n");
    let named = format!("{begin}192.168.150.10 web.lite.internal web\n{end}");
    let purged = |given: &str| {
        fs::write(&hosts, given).expect("written");
        let script = "mount -t tmpfs none /var/lib && mkdir -p /var/lib/lite/proxy && touch /var/lib/lite/state.db /var/lib/lite/proxy/key.pem \
             && mount --bind \"$0\" /etc/hosts && sh \"$1\" purge >&2 && find /var/lib -type f";
        let out = Command::new("unshare").args(["-m", "sh", "-c", script]).arg(&hosts).arg(POSTRM).output();
        let out = out.expect("unshare runs");
        assert_eq!((out.status.success(), text(&out.stdout).as_str()), (true, "/var/lib/lite/state.db\n"));
        assert!(text(&out.stderr).starts_with("lite: /var/lib/lite is kept: "), "{}", text(&out.stderr));
        fs::read_to_string(&hosts).expect("read")
    };
    let theirs = "127.0.0.1 localhost\n10.0.0.1 other";
    assert_eq!(purged(theirs), theirs);
    assert_eq!(purged(&format!("127.0.0.1 localhost\n{named}{named}10.0.0.1 other\n")), format!("{theirs}\n"));
    // What a hand left of a block stays.
    assert_eq!(purged(&format!("{begin}10.0.0.1 other\n{named}")), format!("{begin}10.0.0.1 other\n"));
    assert_eq!(purged(&format!("{named}{begin}10.0.0.1 other\n")), format!("{begin}10.0.0.1 other\n"));
    assert_eq!(purged(&format!("{end}{named}")), end);
}
