//! What this host is called in the `Host` of a request.

use std::net::IpAddr;

/// The hosts that this console is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    /// The address it listens on; unspecified: each that a request may come to.
    pub address: IpAddr,
    /// Further names.
    pub names: Vec<String>,
}

impl Hosts {
    /// Whether a `Host` is one of them, with whatever port: that may be a tunnel's.
    pub fn has(&self, host: &str) -> bool {
        let Some(name) = without_port(host) else { return false };
        // A bare address cannot be led elsewhere by a name server.
        let own = self.address;
        let is_address = name
            .parse::<IpAddr>()
            .is_ok_and(|named| own.is_unspecified() || own == named || own.is_loopback() && named.is_loopback());
        is_address
            || name.eq_ignore_ascii_case("localhost")
            || self.names.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// The name or address alone; none: this is no host.
fn without_port(host: &str) -> Option<&str> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => host.find(':').map_or((host, ""), |at| host.split_at(at)),
    };
    let is_port = |text: &str| !text.is_empty() && text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit());
    (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::Hosts;

    #[test]
    fn a_host_is_known_by_its_address_and_names_with_any_port() {
        let hosts = Hosts { address: "127.0.0.1".parse().unwrap(), names: vec!["console.example".to_owned()] };
        for own in ["127.0.0.1:8480", "localhost", "LOCALHOST:1", "[::1]:8480", "[::1]", "Console.example:9"] {
            assert!(hosts.has(own), "{own}");
        }
        let foreign = [
            "",
            ":80",
            "evil.example",
            "127.0.0.1.evil.example",
            "192.0.2.1:8480",
            "localhost:x",
            "localhost:",
            "[::1",
            "[::1]x",
            "::1",
            "localhost:123456",
            "localhost:1:2",
            "user@localhost",
            "localhost.",
            "localhost/",
        ];
        for foreign in foreign {
            assert!(!hosts.has(foreign), "{foreign}");
        }
        let any = Hosts { address: "0.0.0.0".parse().unwrap(), names: vec![] };
        assert!(any.has("192.0.2.1") && any.has("[2001:db8::1]:443") && !any.has("console.example"));
    }
}
