//! WordPress behind the web front, used by Chromium, without an emulated machine: Debian's packages and the blueprint's own scripts in
//! a namespace (`make test-network`). In a real guest, with a certificate of Pebble's: `wordpress`.

use std::{
    fs,
    path::Path,
    process::{Child, Command},
};

use lite::{
    model::{Certificate, CertificateState, Domain, ProxyFile, Site},
    plan,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::{
    support::{
        chromium::{self, Administrator},
        guest_net::Beside,
        idle::run,
        need,
        skip::skip,
    },
    wordpress::{DOMAIN, a_browser_is_content},
};

crate::tests![NETWORK: a_browser_uses_the_wordpress_of_the_blueprint];

/// The namespaces of the world with the host, and of the guest; and the address of each.
const HOST: (&str, &str) = ("lite-test-browser", "192.168.150.1");
const GUEST: (&str, &str) = ("lite-test-browser-guest", "192.168.150.10");
const PASSWORD: &str = "a long password";
/// The scripts of blueprints.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cloud-init");
/// What the blueprint's script installs.
const PACKAGES: &str = "wordpress,wordpress-theme-twentytwentyfive,apache2,libapache2-mod-php,mariadb-server,php-curl,php-intl,\
                        php-mbstring,php-xml,php-zip,ca-certificates";
/// What stands for systemd there, before the blueprint's own scripts.
const SET_UP: &str = r#"exec 3>&1 >&2
mount -t proc proc /proc
install -d -o mysql /run/mysqld
packages() { :; }
systemctl() {
  case "$*" in
    "start mariadb") mariadbd-safe & until mariadb-admin ping 2>/dev/null; do sleep 0.2; done ;;
    "enable --now apache2") apache2ctl start ;;
    "reload-or-restart apache2") apache2ctl graceful ;;
  esac
}
"#;

/// Both namespaces, with the web front in the first; gone when it is dropped.
struct Place(Option<Child>);

impl Place {
    fn new() -> Self {
        let ip = |line: &str| run(Command::new("ip").args(line.split(' ')));
        for (namespace, _) in [HOST, GUEST] {
            ip(&format!("netns add {namespace}"));
        }
        ip(&format!("link add eth0 netns {} type veth peer name eth0 netns {}", HOST.0, GUEST.0));
        for (namespace, address) in [HOST, GUEST] {
            ip(&format!("-n {namespace} address add {address}/24 dev eth0"));
            ip(&format!("-n {namespace} link set eth0 up"));
            ip(&format!("-n {namespace} link set lo up"));
        }
        Self(None)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(front) = &mut self.0 {
            let _ = front.kill();
            let _ = front.wait();
        }
        for (namespace, _) in [HOST, GUEST] {
            let _ = Command::new("ip").args(["netns", "delete", namespace]).status();
        }
    }
}

/// The command of a program in a namespace.
fn program(namespace: &str, program: &str, args: &[&str]) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace, program]).args(args);
    command
}

/// WordPress in a folder; it ends when the value is dropped.
fn wordpress(root: &str) -> Beside {
    let options = ["--variant=minbase", "--quiet", &format!("--include={PACKAGES}"), "trixie", root];
    run(Command::new("mmdebstrap").args(options));
    let part = |name: &str| fs::read_to_string(format!("{SCRIPTS}/{name}")).expect("a script");
    let parts =
        ["wordpress/install.sh", "wordpress/configure.sh", "common/proxy.sh", "wordpress/published.sh"].map(part);
    let script = format!("{SET_UP}{}\necho ready >&3\nexec sleep infinity\n", parts.join("\n"));
    let in_root =
        ["--mount", "--pid", "--fork", "--kill-child", "chroot", root, "bash", "-euo", "pipefail", "-c", &script];
    let mut command = program(GUEST.0, "unshare", &in_root);
    let (url, secret) = (format!("https://{DOMAIN}/"), "x".repeat(256));
    let values = [
        ("ADDRESS", GUEST.1),
        ("PARAM_TITLE", "My site"),
        ("PARAM_ADMIN_USER", "Ada.L"),
        ("PARAM_ADMIN_EMAIL", "ada@example.org"),
        ("SECRET_ADMIN", PASSWORD),
        ("SECRET_DATABASE", "database"),
        ("SECRET_KEYS", &secret),
        ("SECRET_SALTS", &secret),
        ("URL", &url),
        ("DOMAIN", DOMAIN),
        ("PROXY", HOST.1),
    ];
    command.envs(values.map(|(name, value)| (format!("LITE_{name}"), value)));
    Beside::start(command)
}

/// A certificate of the domain with its key, and that of the authority which issued it.
fn issued() -> (String, String) {
    let keys = [KeyPair::generate().expect("a key"), KeyPair::generate().expect("a key")];
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let [own, other] = keys;
    let root = authority.self_signed(&own).expect("signed").pem();
    let leaf = CertificateParams::new(vec![DOMAIN.to_owned()]).expect("a name");
    let leaf = leaf.signed_by(&other, &Issuer::new(authority, own)).expect("signed");
    (format!("{}{}", leaf.pem(), other.serialize_pem()), root)
}

/// HAProxy with the files that lite renders for the domain.
fn front(folder: &Path, pem: &str) -> Child {
    let domain = Domain::parse(DOMAIN).expect("a domain");
    let certificate = Certificate {
        domain: domain.clone(),
        state: CertificateState::Issued,
        file: Some("shop.pem".to_owned()),
        not_after: None,
        due: jiff::Timestamp::MAX,
        failures: 0,
        tried: Vec::new(),
        error: None,
        challenge: None,
        unused_since: None,
    };
    let site = (Site { domain, guest_port: 80, sources: Vec::new() }, GUEST.1.parse().expect("an address"));
    let wanted = plan::proxy(folder, &[site], &[], &[certificate], true);
    for ProxyFile { name, text } in wanted.fixed.iter().chain(&wanted.maps).chain([&wanted.certificates]) {
        fs::write(folder.join(name), text).expect("written");
    }
    fs::write(folder.join("shop.pem"), pem).expect("written");
    let folder = folder.display().to_string();
    program(HOST.0, "haproxy", &["-db", "-C", &folder, "-f", "haproxy.cfg"]).spawn().expect("it runs")
}

fn a_browser_uses_the_wordpress_of_the_blueprint() {
    need::programs(&["haproxy", "mmdebstrap", "unshare", "ip"]);
    need::programs(&chromium::PROGRAMS);
    if !rustix::process::geteuid().is_root() {
        skip("needs root: a network namespace");
    }
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o711);
    let folder = tempfile::Builder::new().prefix("lite-test-").permissions(mode).tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let mut place = Place::new();
    let _wordpress = wordpress(&at("root").display().to_string());
    let (pem, root) = issued();
    fs::write(at("root.pem"), root).expect("written");
    fs::create_dir(at("proxy")).expect("a folder");
    place.0 = Some(front(&at("proxy"), &pem));
    let who = Administrator { domain: DOMAIN, address: HOST.1, user: "Ada.L", password: PASSWORD };
    let world = |name: &str, args: &[&str]| program(HOST.0, name, args);
    a_browser_is_content(&world, &at("chromium"), &at("root.pem").display().to_string(), &who);
}
