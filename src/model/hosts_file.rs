//! The block of `/etc/hosts` (hosts(5)) by which a host without systemd-resolved knows the names of its instances. It is there
//! only where its administrator had it made; everything around it is somebody else's.

use super::DnsHost;

/// The file.
pub const HOSTS: &str = "/etc/hosts";

/// The lines that a block of a network lies between.
fn markers(network: &str) -> (String, String) {
    (
        format!("# BEGIN lite network {network}: names of instances, written by lite"),
        format!("# END lite network {network}"),
    )
}

/// The text before the lines of a block, and what follows them from its last line on.
fn around<'t>(text: &'t str, network: &str) -> Option<(&'t str, &'t str)> {
    let (begin, end) = markers(network);
    let mut at = 0;
    let mut inner = None;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end();
        // The last beginning before an end counts: a hand may have left one alone.
        if content == begin && line.ends_with('\n') {
            inner = Some(at + line.len());
        } else if let Some(inner) = inner.filter(|_| content == end) {
            return Some((text.get(..inner)?, text.get(at..)?));
        }
        at += line.len();
    }
    None
}

/// Whether a text has a block for a network.
pub fn has_block(text: &str, network: &str) -> bool {
    around(text, network).is_some()
}

/// The text with an empty block at its end; as it is if it has one.
pub fn with_block(text: &str, network: &str) -> String {
    if has_block(text, network) {
        return text.to_owned();
    }
    let (begin, end) = markers(network);
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{gap}{begin}\n{end}\n")
}

/// The text with these names in its block; none if it has no block.
pub fn with_names(text: &str, network: &str, names: &[DnsHost]) -> Option<String> {
    let (before, after) = around(text, network)?;
    let lines: String = names.iter().map(|host| format!("{} {}\n", host.address, host.names.join(" "))).collect();
    Some(format!("{before}{lines}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(last: u8, names: &[&str]) -> DnsHost {
        let names = names.iter().map(|n| (*n).to_owned()).collect();
        DnsHost { address: [192, 168, 150, last].into(), names }
    }

    #[test]
    fn the_block_alone_changes() {
        let theirs = "127.0.0.1 localhost\n::1 localhost";
        assert_eq!(with_names(theirs, "lite", &[]), None);
        let empty = with_block(theirs, "lite");
        let begin = "# BEGIN lite network lite: names of instances, written by lite\n";
        assert_eq!(empty, format!("{theirs}\n{begin}# END lite network lite\n"));
        assert_eq!(with_block(&empty, "lite"), empty);
        let all = [host(10, &["web.lite.internal", "web"]), host(11, &["db.lite.internal", "db"])];
        let text = format!("{empty}10.0.0.1 other\n");
        let named = with_names(&text, "lite", &all).unwrap();
        let lines = "192.168.150.10 web.lite.internal web\n192.168.150.11 db.lite.internal db\n";
        assert_eq!(named, format!("{theirs}\n{begin}{lines}# END lite network lite\n10.0.0.1 other\n"));
        assert_eq!(with_names(&named, "lite", &[]), Some(text));
    }

    #[test]
    fn another_networks_block_and_half_a_block_stay() {
        let two = with_block(&with_block("", "lite"), "lite2");
        let named = with_names(&two, "lite2", &[host(10, &["a.lite.internal", "a"])]).unwrap();
        assert_eq!(with_names(&named, "lite", &[]), Some(named.clone()));
        let (begin, end) = markers("lite");
        assert!(!has_block(&format!("{begin}\n127.0.0.1 localhost\n"), "lite"), "no end");
        assert!(!has_block(&format!("{end}\n{begin}\n"), "lite"), "the wrong way round");
        let twice = format!("{begin}\n127.0.0.1 localhost\n{begin}\n192.168.150.9 old\n{end}\n");
        assert_eq!(
            with_names(&twice, "lite", &[]),
            Some(format!("{begin}\n127.0.0.1 localhost\n{begin}\n{end}\n")),
            "what a hand left before the last beginning stays"
        );
    }
}
