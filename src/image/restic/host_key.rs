//! The keys of the machine that a remote is on: looked at before anything is said to it, and pinned when the remote is added.

use std::sync::atomic::AtomicBool;

use ssh_key::{HashAlg, PublicKey};

use super::super::tools::{self, Need};
use crate::model::{Code, Error, Hint, Result, Verb};

/// Most keys of a machine.
const MOST: usize = 16;

/// The keys that a machine shows now: type and key, a line each.
///
/// # Errors
/// [`Code::RemoteUnreachable`]: it shows none.
pub(super) fn shown(host: &str, port: u16, cancel: &AtomicBool) -> Result<Vec<String>> {
    tools::require(&[Need("ssh-keyscan", "openssh-client")])?;
    let mut command = tools::command("ssh-keyscan");
    command.args(["-T", "10", "-p", &port.to_string(), host]);
    // It fails where some keys cannot be had, too: what it gives says all.
    let found = match tools::run(&mut command, cancel) {
        Err(e) if e.code == Code::ToolFailed => Vec::new(),
        found => found?,
    };
    let keys = keys_in(&String::from_utf8_lossy(&found));
    match keys.is_empty() {
        true => Err(Error::new(Code::RemoteUnreachable, format!("`{host}` shows no SSH host key at port {port}"))
            .hint("is it up, and does the network lead there?")),
        false => Ok(keys),
    }
}

/// The keys in what `ssh-keyscan` gives: name, type and key on a line each.
fn keys_in(text: &str) -> Vec<String> {
    let key = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let (_, kind, key) = (words.next()?, words.next()?, words.next()?);
        let key = format!("{kind} {key}");
        PublicKey::from_openssh(&key).ok().map(|_| key)
    };
    let mut keys: Vec<String> = text.lines().filter(|line| !line.starts_with('#')).filter_map(key).take(MOST).collect();
    keys.sort();
    keys.dedup();
    keys
}

/// Refused unless the machine shows a key by which it was known, and none in place of another.
pub(super) fn check(host: &str, pinned: &[String], shown: &[String]) -> Result<()> {
    let kind = |key: &str| key.split(' ').next().unwrap_or_default().to_owned();
    let is_other = |key: &&String| !pinned.contains(key) && pinned.iter().any(|known| kind(known) == kind(key));
    match shown.iter().find(is_other).or_else(|| shown.iter().find(|_| !shown.iter().any(|key| pinned.contains(key)))) {
        None => Ok(()),
        Some(other) => {
            let text = format!("`{host}` shows another SSH host key than when the remote was added");
            Err(Error::new(Code::HostKeyChanged, text)
                .cause(format!("now: {}", fingerprint(other)))
                .cause(format!("then: {}", pinned.iter().map(|key| fingerprint(key)).collect::<Vec<_>>().join(", ")))
                .hint("another machine may answer there; ask who runs it")
                .hint(
                    Hint::from("if it is right: ")
                        .run_with(Verb::RemoteRemove, &[&"NAME"])
                        .text(", and add it again with `--password-file`"),
                ))
        }
    }
}

/// What people compare: `ssh-ed25519 SHA256:…`.
pub fn fingerprint(key: &str) -> String {
    let read = PublicKey::from_openssh(key);
    read.map_or_else(
        |_| "unreadable".to_owned(),
        |key| format!("{} {}", key.algorithm(), key.fingerprint(HashAlg::Sha256)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEv9Goc6PHJK1YNVwNSIFmKuzpagF1KgNu228VxP0VE3";
    const B: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEv9Goc6PHJK1YNVwNSIFmKuzpagF1KgNu228VxP0VE4";

    #[test]
    fn keys_are_read_from_three_words_a_line() {
        let text = format!(
            "# 127.0.0.1:22 SSH-2.0\n[127.0.0.1]:2222 {A}\n[127.0.0.1]:2222 {A}\nhost ssh-ed25519 AAAA\nhost\n"
        );
        assert_eq!(keys_in(&text), [A]);
    }

    #[test]
    fn another_key_is_refused() {
        let all = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        assert_eq!(check("nas", &all(&[A]), &all(&[A])), Ok(()));
        for shown in [all(&[B]), all(&[A, B])] {
            let error = check("nas", &all(&[A]), &shown).expect_err("refused");
            assert_eq!((error.code, error.exit_code(), error.causes.len()), (Code::HostKeyChanged, 2, 2));
        }
        assert!(fingerprint(A).starts_with("ssh-ed25519 SHA256:"), "{}", fingerprint(A));
    }
}
