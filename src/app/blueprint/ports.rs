//! What listens in a guest against what its blueprint opens.

use std::{path::Path, time::Duration};

use crate::{
    clock::Clock,
    guest::{
        output::bounded,
        ssh::{self, Login},
    },
    model::{Code, Error, Port, Result, escaped},
};

/// Most bytes that are read of what the guest says.
const MOST: u64 = 256 << 10;
/// Longest the guest may take to say it.
const LIMIT: Duration = Duration::from_secs(60);
/// Most sockets that are named.
const SHOWN: usize = 20;

/// Refuses a guest in which something listens for others on a port that is not open anyway: it need not listen there.
///
/// Failed if it does, or if nobody can log in to look.
pub fn check(state: &Path, login: &Login, open: &[Port], clock: &dyn Clock) -> Result<()> {
    if !open.iter().any(|p| p.to_string() == "22/tcp") {
        return Ok(());
    }
    let command = ["sudo ss -Hltnup".to_owned()];
    let fail = |why: String| Error::new(Code::PortsUnknown, "cannot look what listens in the guest").cause(why);
    let mut command = ssh::command(state, login, &command)?;
    let out = bounded(&mut command, &[], MOST, LIMIT, clock).map_err(|e| fail(e.to_string()))?;
    if !out.status.success() {
        return Err(fail(escaped(String::from_utf8_lossy(&out.stderr).trim())));
    }
    let mut extra = extra(&String::from_utf8_lossy(&out.stdout), open);
    if extra.is_empty() {
        return Ok(());
    }
    let more = extra.len().saturating_sub(SHOWN);
    extra.truncate(SHOWN);
    extra.extend((more > 0).then(|| format!("and {more} more")));
    let error = Error::new(Code::PortsListening, "something listens for others that `ports` does not open");
    Err(extra
        .into_iter()
        .fold(error, Error::cause)
        .hint("let it listen on 127.0.0.1 or on a socket, switch it off, or add its port to `ports`"))
}

/// Lines of `ss -Hltnup` about sockets that others could reach and that are not among `open`.
fn extra(listed: &str, open: &[Port]) -> Vec<String> {
    let open: Vec<String> = open.iter().map(ToString::to_string).collect();
    let mut extra = Vec::new();
    for line in listed.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [protocol, _, _, _, local, ..] = words.as_slice() else { continue };
        let Some((address, port)) = local.rsplit_once(':') else { continue };
        let address = address.split('%').next().unwrap_or(address).trim_matches(['[', ']']);
        let alone = address.starts_with("127.") || address == "::1";
        // DHCP and mDNS of the system itself answer nobody: the firewall lets no reply in that was not asked for.
        if !alone
            && !open.contains(&format!("{port}/{protocol}"))
            && !matches!((*protocol, port), ("udp", "68" | "546"))
        {
            let program = words.get(6).map_or("", |w| w.split('"').nth(1).unwrap_or(""));
            extra.push(format!("{port}/{protocol} on {address} {program}").trim_end().to_owned());
        }
    }
    extra
}

#[cfg(test)]
mod tests {
    use super::extra;
    use crate::model::Port;

    #[test]
    fn only_what_others_reach_and_nobody_opened() {
        let listed = "\
udp   UNCONN 0      0          127.0.0.54:53         0.0.0.0:*    users:((\"systemd-resolve\",pid=1,fd=1))
udp   UNCONN 0      0      10.0.0.2%eth0:68          0.0.0.0:*    users:((\"systemd-network\",pid=1,fd=1))
tcp   LISTEN 0      80         127.0.0.1:3306        0.0.0.0:*    users:((\"mariadbd\",pid=700,fd=20))
tcp   LISTEN 0      128          0.0.0.0:22          0.0.0.0:*    users:((\"sshd\",pid=400,fd=3))
tcp   LISTEN 0      128             [::]:22             [::]:*    users:((\"sshd\",pid=400,fd=4))
tcp   LISTEN 0      511                *:80                *:*    users:((\"apache2\",pid=900,fd=4))
tcp   LISTEN 0      511                *:9000              *:*    users:((\"php-fpm\",pid=901,fd=4))
udp   UNCONN 0      0            0.0.0.0:5353        0.0.0.0:*
tcp   LISTEN 0      511            [::1]:6379           [::]:*
";
        let open: Vec<Port> = ["22/tcp", "80/tcp"].iter().flat_map(|p| Port::parse(p)).collect();
        assert_eq!(extra(listed, &open), ["9000/tcp on * php-fpm", "5353/udp on 0.0.0.0"]);
    }
}
