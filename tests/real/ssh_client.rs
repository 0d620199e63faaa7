//! What OpenSSH itself makes of the commands that lite gives it.

use std::process::Command;

use lite::guest::ssh::{Login, command};

use crate::support::need;

crate::tests![openssh_takes_nothing_from_around];

fn openssh_takes_nothing_from_around() {
    need::programs(&["ssh"]);
    let folder = tempfile::tempdir().expect("a folder");
    // What would be a token, two files or the end of a quotation if it were taken as it stands.
    let state = folder.path().join("a \"%h\" b");
    let login = Login {
        name: "web".to_owned(),
        address: std::net::Ipv4Addr::new(192, 168, 150, 10),
        user: "debian".to_owned(),
        host_key: "ssh-ed25519 AAAA".to_owned(),
    };
    let ours = command(&state, &login, &[]).expect("a command");
    let out = Command::new("ssh").args(["-G", "-T"]).args(ours.get_args()).output().expect("ssh runs");
    assert_eq!(String::from_utf8_lossy(&out.stderr), "");
    let shown = String::from_utf8(out.stdout).expect("text");
    let values = |key: &str| {
        let all = shown.lines().filter_map(|l| l.split_once(' ')).filter(|(k, _)| *k == key);
        all.map(|(_, value)| value.to_owned()).collect::<Vec<_>>()
    };
    // Shown as written, with its tokens, and with them filled in.
    let key = format!("{}/ssh/id_ed25519", state.display()).replace('%', "%%");
    let known = format!("{}/ssh/known_hosts-web", state.display());
    let expected: [(&str, &[&str]); 14] = [
        ("identityfile", &[&key]),
        ("identitiesonly", &["yes"]),
        ("identityagent", &["none"]),
        ("certificatefile", &[]),
        ("userknownhostsfile", &[&known]),
        ("globalknownhostsfile", &["none"]),
        ("hostkeyalias", &["web"]),
        ("stricthostkeychecking", &["true"]),
        ("forwardagent", &["no"]),
        ("forwardx11", &["no"]),
        ("sendenv", &[]),
        ("gssapiauthentication", &["no"]),
        ("loglevel", &["INFO"]),
        ("hostname", &["192.168.150.10"]),
    ];
    for (name, wanted) in expected {
        assert_eq!(values(name), wanted, "{name}");
    }
}
