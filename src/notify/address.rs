//! Where a message may go (B6).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};

use ipnet::IpNet;
use reqwest::Url;

use crate::model::{Code, Error, Result, escaped, is_hidden};

/// What is allowed beyond the public internet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allowed {
    /// Private ranges: the contact says so.
    pub private: bool,
    /// This host itself: the operator's configuration says so.
    pub loopback: bool,
    /// Networks of the guests; never allowed without `loopback`.
    pub guests: Vec<IpNet>,
}

/// Parses the address of a webhook. Whatever the parser would silently repair is refused.
pub fn parse(text: &str) -> Result<Url> {
    let bad = |why: &str| {
        Error::new(Code::InvalidWebhook, format!("`{}` is not the address of a webhook: {why}", shown(text)))
            .hint("a webhook is such as `https://hooks.example.org/services/x`")
    };
    if text.len() > 2048 {
        return Err(bad("it is longer than 2048 characters"));
    }
    if text.chars().any(|c| is_hidden(c) || c.is_whitespace() || c == '\\') {
        return Err(bad("it holds a space, a backslash or a hidden character"));
    }
    let lower = text.to_ascii_lowercase();
    if !lower.starts_with("http://") && !lower.starts_with("https://") {
        return Err(bad("it does not start with `https://` or `http://`"));
    }
    let url = Url::parse(text).map_err(|e| bad(&e.to_string()))?;
    let authority = text.split("://").nth(1).unwrap_or_default().split(['/', '?', '#']).next().unwrap_or_default();
    if !url.username().is_empty() || url.password().is_some() || authority.contains('@') {
        return Err(bad("it holds a user name or a password"));
    }
    // The parser takes the path for the host in `http:///x`.
    if authority.is_empty() || url.host_str().is_none_or(str::is_empty) {
        return Err(bad("it names no host"));
    }
    if url.port() == Some(0) {
        return Err(bad("port 0 is none"));
    }
    Ok(url)
}

/// The address without its path and query, which often are a secret.
pub fn shown(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let scheme = if scheme.is_empty() { String::new() } else { format!("{scheme}://") };
    let more = if rest.len() > host.len() + 1 { "/…" } else { "" };
    escaped(&format!("{scheme}{host}")) + more
}

/// All socket addresses of a URL's host. Blocking.
pub fn resolve(url: &Url) -> Result<Vec<SocketAddr>> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(443);
    if let Ok(ip) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    // RFC 6761: always this host, whatever a name server says.
    let plain = host.trim_end_matches('.');
    if plain == "localhost" || plain.ends_with(".localhost") {
        return Ok(vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)]);
    }
    let unknown = || {
        Error::new(Code::UnknownHost, format!("the name `{}` has no address", escaped(host)))
            .hint("see whether it is spelt right and whether this host's name server knows it")
    };
    let found: Vec<SocketAddr> = (host, port).to_socket_addrs().map_err(|e| unknown().cause(e))?.collect();
    if found.is_empty() { Err(unknown()) } else { Ok(found) }
}

/// The one address to connect to: the first, if *all* of them may be connected to.
pub fn choose(addresses: &[SocketAddr], allowed: &Allowed) -> Result<SocketAddr> {
    for address in addresses {
        if let Err(why) = check(address.ip(), allowed, is_own) {
            let error = Error::new(Code::ForbiddenAddress, format!("messages may not go to {}: {why}", address.ip()));
            return Err(if why == PRIVATE {
                error.hint("if that is meant, say `--allow-private`")
            } else {
                error.hint("a webhook goes to another machine; this host and its guests are none")
            });
        }
    }
    addresses.first().copied().ok_or_else(|| Error::new(Code::UnknownHost, "the name has no address"))
}

const PRIVATE: &str = "it is private";

/// Why an address may not be connected to. `own` tells addresses of this host.
pub fn check(ip: IpAddr, allowed: &Allowed, own: impl Fn(IpAddr) -> bool) -> std::result::Result<(), &'static str> {
    let class = match ip {
        IpAddr::V4(v4) => class_v4(v4),
        IpAddr::V6(v6) => class_v6(v6),
    };
    match class {
        Class::Loopback if allowed.loopback => return Ok(()),
        Class::Loopback => return Err("it is this host"),
        Class::Never(why) => return Err(why),
        Class::Private | Class::Public => {}
    }
    if !allowed.loopback {
        if own(ip) {
            return Err("it is this host");
        }
        if allowed.guests.iter().any(|net| net.contains(&ip)) {
            return Err("it is in a network of guests");
        }
    }
    if class == Class::Private && !allowed.private { Err(PRIVATE) } else { Ok(()) }
}

/// Whether this host has the address: only then can a socket be bound to it.
pub fn is_own(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).is_ok()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Public,
    Private,
    Loopback,
    Never(&'static str),
}

fn class_v4(ip: Ipv4Addr) -> Class {
    let [a, b, c, _] = ip.octets();
    match (a, b, c) {
        (127, ..) => Class::Loopback,
        (10, ..) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) => Class::Private,
        (169, 254, _) => Class::Never("it is link-local"),
        (224..=239, ..) => Class::Never("it is multicast"),
        (0 | 240..=255, ..) | (192, 0, 0 | 2) | (192, 88, 99) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => {
            Class::Never("it is reserved")
        }
        _ => Class::Public,
    }
}

fn class_v6(ip: Ipv6Addr) -> Class {
    if ip.is_loopback() {
        return Class::Loopback;
    }
    let [a, b, ..] = ip.segments();
    match (a, b) {
        (0xfc00..=0xfdff, _) => Class::Private,
        (0xfe80..=0xfebf, _) => Class::Never("it is link-local"),
        (0xff00..=0xffff, _) => Class::Never("it is multicast"),
        (0, _) | (0x64, 0xff9b) => Class::Never("it is an IPv4 address in disguise"),
        (0x2001, 0) | (0x2002, _) => Class::Never("it is an IPv4 address in disguise"),
        (0x2001, 0..=0x1ff | 0xdb8) | (0x3fff, 0..=0xfff) => Class::Never("it is reserved"),
        (0x2000..=0x3fff, _) => Class::Public,
        _ => Class::Never("it is reserved"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::{Allowed, check, choose, parse, resolve, shown};

    /// What becomes of a URL whose host is an address: the reason of the refusal, or `ok`.
    fn fate(text: &str, allowed: &Allowed) -> String {
        let url = match parse(text) {
            Ok(url) => url,
            Err(error) => return error.code.to_string(),
        };
        let addresses = match resolve(&url) {
            Ok(addresses) => addresses,
            Err(error) => return error.code.to_string(),
        };
        match check(addresses[0].ip(), allowed, |ip| ip == "198.41.0.4".parse::<IpAddr>().unwrap()) {
            Ok(()) => "ok".to_owned(),
            Err(why) => why.to_owned(),
        }
    }

    #[test]
    fn every_spelling_of_the_forbidden() {
        let own = "it is this host";
        let disguise = "it is an IPv4 address in disguise";
        let rows: &[(&str, &str)] = &[
            ("http://127.0.0.1/", own),
            ("http://127.1/", own),
            ("http://127.0.0.1./", own),
            ("http://2130706433/", own),
            ("http://0x7f000001/", own),
            ("http://0x7f.1/", own),
            ("http://0177.0.0.1/", own),
            ("http://017700000001/", own),
            ("http://127.0.0.1:8080/x", own),
            ("HTTP://127.255.255.254/", own),
            ("http://%31%32%37.0.0.1/", own),
            ("http://１２７.０.０.１/", own),
            ("http://①②⑦.0.0.1/", own),
            ("http://127。0。0。1/", own),
            ("http://localhost/", own),
            ("http://LOCALHOST/", own),
            ("http://localhost./", own),
            ("http://ⓛocalhost/", own),
            ("http://[::1]/", own),
            ("http://[0:0:0:0:0:0:0:1]/", own),
            ("http://198.41.0.4/", own),
            ("http://[::ffff:127.0.0.1]/", disguise),
            ("http://[::ffff:7f00:1]/", disguise),
            ("http://[::ffff:8.8.8.8]/", disguise),
            ("http://[::127.0.0.1]/", disguise),
            ("http://[::]/", disguise),
            ("http://[64:ff9b::7f00:1]/", disguise),
            ("http://[64:ff9b:1::1]/", disguise),
            ("http://[2002:7f00:1::]/", disguise),
            ("http://[2001:0:1::]/", disguise),
            ("http://0/", "it is reserved"),
            ("http://0.0.0.0/", "it is reserved"),
            ("http://255.255.255.255/", "it is reserved"),
            ("http://240.0.0.1/", "it is reserved"),
            ("http://192.0.2.1/", "it is reserved"),
            ("http://198.18.0.1/", "it is reserved"),
            ("http://[2001:db8::1]/", "it is reserved"),
            ("http://[100::1]/", "it is reserved"),
            ("http://[fec0::1]/", "it is reserved"),
            ("http://169.254.169.254/latest/meta-data/", "it is link-local"),
            ("http://0xa9fea9fe/", "it is link-local"),
            ("http://[fe80::1]/", "it is link-local"),
            ("http://224.0.0.1/", "it is multicast"),
            ("http://[ff02::1]/", "it is multicast"),
            ("http://10.0.0.1/", "it is private"),
            ("http://172.31.0.1/", "it is private"),
            ("http://192.168.1.1/", "it is private"),
            ("http://3232235777/", "it is private"),
            ("http://100.64.0.1/", "it is private"),
            ("http://[fd00::1]/", "it is private"),
            ("http://8.8.8.8/", "ok"),
            ("https://[2606:4700::1111]:8443/x?y#z", "ok"),
            ("http://172.32.0.1/", "ok"),
        ];
        for (text, wanted) in rows {
            assert_eq!(fate(text, &Allowed::default()), *wanted, "{text}");
        }
        let private = Allowed { private: true, guests: vec!["10.9.0.0/24".parse().unwrap()], ..Allowed::default() };
        for (text, _) in rows.iter().filter(|(_, why)| *why == "it is private") {
            assert_eq!(fate(text, &private), "ok", "{text}");
        }
        for (text, wanted) in rows.iter().filter(|(_, why)| *why != "it is private") {
            assert_eq!(fate(text, &private), *wanted, "{text}");
        }
        assert_eq!(fate("http://10.9.0.7/", &private), "it is in a network of guests");
        let loopback = Allowed { loopback: true, ..private };
        for text in ["http://127.0.0.1:1/", "http://[::1]/", "http://10.9.0.7/", "http://198.41.0.4/"] {
            assert_eq!(fate(text, &loopback), "ok", "{text}");
        }
        for text in ["http://169.254.1.1/", "http://[::ffff:127.0.0.1]/", "http://0.0.0.0/"] {
            assert_ne!(fate(text, &loopback), "ok", "{text}");
        }
    }

    #[test]
    fn no_address_of_a_webhook() {
        for text in [
            "",
            "hooks.example.org/x",
            "//hooks.example.org/x",
            "ftp://hooks.example.org/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "http:hooks.example.org",
            "http:/hooks.example.org",
            "http://",
            "http:///x",
            "http://user@hooks.example.org/",
            "http://user:secret@hooks.example.org/",
            "http://@hooks.example.org/",
            "http://:@hooks.example.org/",
            "http://hooks.example.org:0/",
            "http://hooks.example.org:99999/",
            "http://hooks.example.org\\@127.0.0.1/",
            "http://hooks.example.org/\r\nHost: x",
            "http://hooks\t.example.org/",
            "http://hooks.exa\nmple.org/",
            " http://hooks.example.org/",
            "http://hooks.example.org/ x",
            "http://hooks.example.org/\u{0}",
            "http://hooks.example.org/\u{85}",
            "http://hooks.example.org/\u{ad}\u{e0041}",
            "http://256.1.1.1/",
            "http://1.2.3.4.5/",
            "http://[::1/",
            "http://[fe80::1%25eth0]/",
            "http://a b/",
            "http://exa<mple.org/",
        ] {
            let error = parse(text).expect_err(text);
            assert_eq!((error.code.as_str(), error.exit_code()), ("invalid_webhook", 2), "{text:?}");
        }
        assert_eq!(
            parse(&format!("http://h/{}", "a".repeat(2048))).map_err(|e| e.code.as_str()).err(),
            Some("invalid_webhook")
        );
    }

    #[test]
    fn one_forbidden_address_of_a_name_forbids_the_name() {
        let both = ["8.8.8.8:443".parse().unwrap(), "127.0.0.1:443".parse().unwrap()];
        assert_eq!(choose(&both, &Allowed::default()).map_err(|e| e.code.as_str()), Err("forbidden_address"));
        assert_eq!(choose(&both[..1], &Allowed::default()), Ok(both[0]));
    }

    #[test]
    fn what_is_shown_holds_no_token() {
        for (text, wanted) in [
            ("https://hooks.example.org/services/T0/B0/secret", "https://hooks.example.org/…"),
            ("https://hooks.example.org?token=x", "https://hooks.example.org/…"),
            ("https://user:secret@hooks.example.org/", "https://hooks.example.org/…"),
            ("https://hooks.example.org/", "https://hooks.example.org"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(shown(text), wanted);
        }
    }
}
