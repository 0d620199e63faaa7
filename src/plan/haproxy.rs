//! The configuration of the web front: which domain leads to which guests, over HTTP and HTTPS.
//!
//! Rendered whole from the rows. Files are named from HAProxy's folder, in which it runs. What changes with a site is fixed
//! until HAProxy is reloaded; certificates and answers to challenges are in a list and maps that change while it runs.

mod load_balancer;

use std::{
    fmt::Write,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

pub use load_balancer::{BalancerAt, TargetAt, backend as balancer_backend};
use sha2::{Digest, Sha256};

use crate::model::{Certificate, Domain, ProxyConfiguration, ProxyFile, Site, hex};

const FRONT: &str = include_str!("haproxy/haproxy.cfg");
const HTTP: &str = include_str!("haproxy/http.cfg");
/// What becomes of a request for a name that no domain has.
const UNCLAIMED: &str = include_str!("haproxy/unclaimed.cfg");
const HTTPS: &str = include_str!("haproxy/https.cfg");
const UNREACHABLE: &str = include_str!("haproxy/503.http");

/// A site and the address of its instance.
pub type SiteAt = (Site, Ipv4Addr);

/// The folder of HAProxy's files below that of the state.
pub fn proxy_folder(state: &Path) -> PathBuf {
    state.join("proxy")
}

/// What a client could say of itself to pass for another is replaced.
const HEADERS: &str = "\thttp-request del-header Forwarded
\thttp-request del-header X-Real-IP
\thttp-request set-header X-Forwarded-For %[src]
\thttp-request set-header X-Forwarded-Host %[req.hdr(host)]
\thttp-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]
";

/// What HAProxy is to serve: these sites and load balancers, with the certificates that their domains have. It does not start where
/// it is to listen by IPv6 and the kernel has none.
pub fn proxy(
    folder: &Path,
    sites: &[SiteAt],
    balancers: &[BalancerAt],
    certificates: &[Certificate],
    ipv6: bool,
) -> ProxyConfiguration {
    let of_sites = sites.iter().map(|(site, _)| (&site.domain, site.domain.to_string()));
    let balanced = balancers.iter().map(|at| &at.balancer);
    let balanced = balanced.filter_map(|b| b.domain.as_ref().map(|domain| (domain, balancer_backend(&b.name))));
    // A domain and the backend that it leads to.
    let mut domains: Vec<(&Domain, String)> = of_sites.chain(balanced).collect();
    domains.sort();
    let leads = |c: &&Certificate| domains.iter().any(|(domain, _)| **domain == c.domain);
    let own: Vec<&Certificate> = certificates.iter().filter(leads).collect();
    let lines = |each: &mut dyn Iterator<Item = String>| each.fold(String::new(), |text, line| text + &line + "\n");
    let file = |name, text| ProxyFile { name, text };
    let secure = own.iter().filter(|c| c.file.is_some());
    let challenges = own.iter().filter_map(|c| c.challenge.as_ref());
    let names = domains.iter().map(|(domain, backend)| format!("{domain} {backend}"));
    let sites_map = file("sites.map", lines(&mut names.into_iter()));
    let shared = shared(!domains.is_empty(), load_balancer::of_shared_port(balancers).as_deref());
    let mut rules = [FRONT, &shared, &backends(sites), &load_balancer::sections(balancers)].concat();
    if !ipv6 {
        rules = rules.split_inclusive('\n').filter(|line| !line.starts_with("\tbind [::]:")).collect();
    }
    let digest = hex(&Sha256::digest([&rules, &sites_map.text, UNREACHABLE].concat())[..16]);
    // The worker tells it back.
    let configuration = rules.replacen("global\n", &format!("global\n\tdescription {digest}\n"), 1);
    ProxyConfiguration {
        folder: folder.to_owned(),
        digest: (!(sites.is_empty() && balancers.is_empty())).then_some(digest),
        fixed: vec![file("haproxy.cfg", configuration), sites_map, file("503.http", UNREACHABLE.to_owned())],
        maps: vec![
            file("https.map", lines(&mut secure.clone().map(|c| format!("{} yes", c.domain)))),
            file("challenges.map", lines(&mut challenges.map(|(token, answer)| format!("{token} {answer}")))),
        ],
        certificates: file("certificates.list", lines(&mut secure.filter_map(|c| c.file.clone()))),
        servers: balancers.iter().flat_map(load_balancer::servers).collect(),
        counted: balancers.iter().map(|at| balancer_backend(&at.balancer.name)).collect(),
    }
}

/// The frontends that domains share, where there are some, and a load balancer that gets what no domain claims over HTTP.
fn shared(has_domains: bool, unclaimed: Option<&str>) -> String {
    let unclaimed = unclaimed.map(|backend| {
        format!(
            "\tuse_backend %[var(txn.site),map(sites.map)] if {{ var(txn.site),map(sites.map) -m found }}\n\
             \tdefault_backend {backend}\n"
        )
    });
    match (has_domains, unclaimed) {
        (true, None) => [HTTP, UNCLAIMED, HTTPS].concat(),
        (true, Some(unclaimed)) => [HTTP, &unclaimed, HTTPS].concat(),
        (false, Some(unclaimed)) => [HTTP, &unclaimed].concat(),
        (false, None) => String::new(),
    }
}

/// A backend a site.
fn backends(sites: &[SiteAt]) -> String {
    let mut text = String::new();
    for (Site { domain, guest_port, sources }, address) in sites {
        // A String takes whatever is written to it.
        let _ = writeln!(text, "\nbackend {domain}");
        // A line has 64 words at most. Lines of one name are one list.
        for source in sources {
            let _ = writeln!(text, "\tacl allowed src {source}");
        }
        if !sources.is_empty() {
            text.push_str("\thttp-request deny deny_status 403 unless allowed\n");
        }
        let _ = writeln!(text, "{HEADERS}\tserver guest {address}:{guest_port}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CertificateState;

    fn site(domain: &str, sources: &[&str]) -> SiteAt {
        let sources = sources.iter().map(|s| s.parse().unwrap()).collect();
        let site = Site { domain: Domain::parse(domain).unwrap(), guest_port: 80, sources };
        (site, [192, 168, 150, 10].into())
    }

    fn certificate(domain: &str, file: Option<&str>, challenge: Option<(&str, &str)>) -> Certificate {
        Certificate {
            domain: Domain::parse(domain).unwrap(),
            state: CertificateState::Pending,
            file: file.map(str::to_owned),
            not_after: None,
            due: jiff::Timestamp::UNIX_EPOCH,
            failures: 0,
            tried: vec![],
            error: None,
            challenge: challenge.map(|(token, answer)| (token.to_owned(), answer.to_owned())),
            unused_since: None,
        }
    }

    fn rendered() -> ProxyConfiguration {
        let sites = [site("blog.example.org", &[]), site("shop.example.org", &["192.0.2.0/24", "2001:db8::/32"])];
        let certificates = [
            certificate("blog.example.org", None, Some(("token", "token.key"))),
            certificate("gone.example.org", Some("gone.pem"), None),
            certificate("shop.example.org", Some("shop.pem"), None),
        ];
        proxy(Path::new("/var/lib/lite/proxy"), &sites, &[], &certificates, true)
    }

    #[test]
    fn the_files_follow_from_the_rows_alone() {
        let rendered = rendered();
        let all = rendered.fixed.iter().chain(&rendered.maps).chain([&rendered.certificates]);
        let all: Vec<String> = all.map(|file| format!("--- {}\n{}", file.name, file.text)).collect();
        insta::assert_snapshot!(all.concat().replace('\r', ""));
    }

    #[test]
    fn what_no_domain_claims_goes_to_the_load_balancer_at_their_port() {
        let balancers = [load_balancer::tests::at(None, Some(80), false, false)];
        let (sites, named) = ([site("a.example.org", &[])], "use_backend %[var(txn.site),map(sites.map)]");
        let fronts = |sites: &[SiteAt], balancers: &[BalancerAt]| {
            let text = proxy(Path::new("/x"), sites, balancers, &[], true).fixed[0].text.clone();
            let is_told =
                |line: &&str| ["frontend", "bind", "use_b", "default_b"].iter().any(|word| line.starts_with(word));
            text.lines().map(str::trim).filter(is_told).map(str::to_owned).collect::<Vec<_>>()
        };
        let http = ["frontend http", "bind 0.0.0.0:80", "bind [::]:80 v6only"];
        let if_found = format!("{named} if {{ var(txn.site),map(sites.map) -m found }}");
        assert_eq!(fronts(&[], &balancers), [&http[..], &[&if_found, "default_backend lb:shop"]].concat());
        let both = fronts(&sites, &balancers);
        assert_eq!(both[..6], [&http[..], &[&if_found, "default_backend lb:shop", "frontend https"]].concat());
        assert_eq!(both.last().map(String::as_str), Some(named));
    }

    #[test]
    fn without_ipv6_it_listens_by_ipv4_alone() {
        let balancers = [load_balancer::tests::at(None, Some(8080), false, false)];
        let with = |ipv6| {
            let text =
                proxy(Path::new("/x"), &[site("a.example.org", &[])], &balancers, &[], ipv6).fixed[0].text.clone();
            let ends = text.lines().filter_map(|line| line.strip_prefix("\tbind "));
            ends.map(|end| end.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(with(true), ["0.0.0.0:80", "[::]:80", "0.0.0.0:443", "[::]:443", "0.0.0.0:8080", "[::]:8080"]);
        assert_eq!(with(false), ["0.0.0.0:80", "0.0.0.0:443", "0.0.0.0:8080"]);
    }

    #[test]
    fn the_digest_is_of_what_needs_a_reload() {
        let folder = Path::new("/x");
        let one = proxy(folder, &[site("a.example.org", &[])], &[], &[], true);
        let digest =
            |sites: &[SiteAt], certificates: &[Certificate]| proxy(folder, sites, &[], certificates, true).digest;
        let with = [certificate("a.example.org", Some("a.pem"), Some(("t", "k")))];
        assert_eq!(digest(&[site("a.example.org", &[])], &with), one.digest);
        assert_ne!(digest(&[site("b.example.org", &[])], &[]), one.digest);
        assert_eq!(digest(&[], &with), None);
    }
}
