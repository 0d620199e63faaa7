//! WordPress in a real guest, behind the web front of its host, used by curl and by Chromium (`make test-guests`): check 17 of the
//! network's page. The world is a namespace, with Pebble as the authority.

use std::path::Path;

use serde_json::json;

use crate::support::{
    chromium::{self, Administrator, World},
    guest_net::Outside,
    host::{Host, needs_host, text},
    http::get,
    need,
    pebble::{PROGRAMS, Pebble, web_ports},
};

crate::tests![SLOW: a_wordpress_is_used_by_its_name_over_https];

const NAME: &str = "lite-test-wps";
pub const DOMAIN: &str = "shop.example.org";
const DASHBOARD: &str = "<h1>Dashboard</h1>";

/// A browser somewhere in the world, or on the host itself.
struct Browser<'a> {
    world: Option<&'a Outside>,
    arguments: Vec<String>,
    jar: String,
}

impl Browser<'_> {
    /// What comes of `curl ARGS`.
    fn asks(&self, args: &[&str]) -> String {
        let common = ["-sS", "--max-time", "120", "-b", &self.jar, "-c", &self.jar];
        let own: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let all = [&common, own.as_slice(), args].concat();
        let out = match self.world {
            Some(world) => world.program("curl", &all).output(),
            None => std::process::Command::new("curl").args(&all).output(),
        };
        let out = out.expect("curl runs");
        assert!(out.status.success(), "curl {args:?}: {}", text(&out.stderr));
        text(&out.stdout)
    }

    /// The page behind the form for a log-in.
    fn logs_in(&self, site: &str, password: &str) -> String {
        let form = format!("{site}/wp-login.php");
        let (to, password) = (format!("redirect_to={site}/wp-admin/"), format!("pwd={password}"));
        self.asks(&[&form]);
        let data = ["--data-urlencode", "log=Ada.L", "--data-urlencode", &password, "--data-urlencode", &to];
        self.asks(&[&["-L", "-d", "testcookie=1"], data.as_slice(), &[form.as_str()]].concat())
    }

    /// Names of its cookies, each with whether it goes over HTTPS alone (the fourth column of curl's file).
    fn cookies(&self) -> Vec<(String, bool)> {
        let text = std::fs::read_to_string(&self.jar).expect("read");
        let lines = text.lines().map(|line| line.split('\t').collect::<Vec<_>>()).filter(|columns| columns.len() == 7);
        lines.map(|columns| (columns[5].to_owned(), columns[3] == "TRUE")).collect()
    }
}

fn a_wordpress_is_used_by_its_name_over_https() {
    needs_host();
    need::programs(&PROGRAMS);
    need::programs(&chromium::PROGRAMS);
    let _ports = web_ports();
    let host = Host::new("wps", 231);
    host.debian_13();
    let at = |name: &str| host.folder.path().join(name);
    std::fs::create_dir_all(at("blueprints")).expect("a folder");
    let bundle = |id: &str, memory: &str| {
        format!("  - {{id: {id}, vcpus: 2, memory: {memory}, disk: 5 GiB, transfer: 1 TiB, price: 1}}\n")
    };
    let bundles = format!("currency: USD\nbundles:\n{}{}", bundle("tiny", "1 GiB"), bundle("less", "512 MiB"));
    std::fs::write(at("blueprints/bundles.yaml"), bundles).expect("written");
    let outside = Outside::new("wps");
    let pebble = Pebble::start(&outside, host.folder.path(), 86_400);
    std::fs::write(at("config.toml"), pebble.settings()).expect("written");
    std::fs::write(at("hosts"), format!("127.0.0.1 localhost\n{} {DOMAIN}\n", Outside::HOST)).expect("written");

    let create = ["create", "wordpress", "--bundle", "tiny", "--name", NAME, "--timeout", "30m"];
    let created = host.json(&[&create[..], &["--set", "admin_user=Ada.L"]].concat());
    let address = created["instance"]["address"].as_str().expect("an address").to_owned();
    let secrets = host.json(&["secrets", NAME])["secrets"].clone();
    let admin = secrets.as_array().and_then(|all| all.iter().find(|secret| secret["name"] == "admin"));
    let password = admin.and_then(|secret| secret["value"].as_str()).expect("a password");

    let published = host.lite_with_hosts(&at("hosts"), &["publish", NAME, "--domain", DOMAIN]);
    assert_eq!(published.status.code(), Some(0), "{}", text(&published.stderr));
    let (site, jar) = (format!("https://{DOMAIN}"), |name: &str| at(name).display().to_string());
    let resolve = format!("{DOMAIN}:443:{}", Outside::HOST);
    let arguments = ["--cacert", &pebble.root(&outside), "--resolve", &resolve].map(str::to_owned).to_vec();
    let visitor = Browser { world: Some(&outside), arguments, jar: jar("cookies-of-the-world") };
    let page = visitor.asks(&[&format!("{site}/")]);
    assert!(
        page.contains("<meta name=\"generator\" content=\"WordPress") && page.contains(&format!("{site}/")),
        "{page}"
    );
    assert!(!page.contains(&address) && !page.contains(&format!("http://{DOMAIN}")), "{page}");
    assert!(visitor.logs_in(&site, password).contains(DASHBOARD));
    let cookies = visitor.cookies();
    let names = |prefix: &str| cookies.iter().filter(|(name, _)| name.starts_with(prefix)).count();
    assert_eq!((names("wordpress_sec_"), names("wordpress_logged_in_")), (2, 1), "{cookies:?}");
    assert!(cookies.iter().all(|(_, secure)| *secure), "{cookies:?}");
    let world = |program: &str, args: &[&str]| outside.program(program, args);
    let who = Administrator { domain: DOMAIN, address: Outside::HOST, user: "Ada.L", password };
    a_browser_is_content(&world, &at("chromium"), &pebble.root(&outside), &who);
    // Who came is in its log, whatever a visitor claims.
    visitor.asks(&["-H", "X-Forwarded-For: 6.6.6.6", &format!("{site}/?who")]);
    let log = host.ok(&["ssh", NAME, "--", "sudo grep -h 'GET /?who' /var/log/apache2/*access.log"]);
    let client = log.split_whitespace().find(|word| word.parse::<std::net::IpAddr>().is_ok());
    assert_eq!(client, Some(Outside::ADDRESS), "{log}");

    // Without the domain it is at its address again.
    host.ok(&["unpublish", NAME, DOMAIN]);
    let page = get(&address, "/");
    assert!(page.contains(&format!("http://{address}/")) && !page.contains(DOMAIN), "{page}");
    let neighbour = Browser { world: None, arguments: Vec::new(), jar: jar("cookies-of-the-host") };
    assert!(neighbour.logs_in(&format!("http://{address}"), password).contains(DASHBOARD));

    let elsewhere = comes_back_at_another_address(&host, &address);
    assert!(neighbour.logs_in(&format!("http://{elsewhere}"), password).contains(DASHBOARD));
    host.ok(&["delete", NAME, "--yes"]);
    assert_eq!(host.left(), Vec::<String>::new());
}

/// Deleted, while another takes its address, it comes back at a new one: that is said, waited for, and what all its links have.
fn comes_back_at_another_address(host: &Host, address: &str) -> String {
    let deleted = host.command(&["delete", NAME, "--yes"]).env("LITE_KEEP_DELETED", "24h").output().expect("lite runs");
    assert_eq!(deleted.status.code(), Some(0), "{}", text(&deleted.stderr));
    let other = "lite-test-wps-b";
    let taken = host.json(&["create", "debian-13", "--bundle", "less", "--name", other, "--no-wait"]);
    assert_eq!(taken["instance"]["address"], address);
    let back = host.lite(&["undelete", NAME, "--timeout", "30m"]);
    let said = text(&back.stderr);
    assert_eq!(back.status.code(), Some(0), "{said}");
    let shown = host.json(&["show", NAME])["instances"][0].clone();
    let now = shown["address"].as_str().expect("an address").to_owned();
    assert_ne!(now, address);
    let warning = format!(
        "warning: its address is {now} now, as another instance has the one that it had: \
         its application is told when the guest starts"
    );
    assert!(said.lines().any(|line| line == warning), "{said}");
    let page = get(&now, "/");
    assert!(page.contains(&format!("http://{now}/")) && !page.contains(&format!("http://{address}/")), "{page}");
    host.ok(&["delete", other, "--yes"]);
    now
}

/// Its administrator logs in by the form and uploads a picture of 4 MiB, which is shown: every request goes over HTTPS, and nothing is
/// held for mixed content or blocked.
pub fn a_browser_is_content(world: &World<'_>, folder: &Path, root: &str, who: &Administrator<'_>) {
    let mut seen = chromium::uses_wordpress(world, folder, root, who);
    eprintln!("chromium saw {seen}");
    let cookies = seen["cookies"].take();
    let cookies: Vec<(&str, bool)> =
        cookies.as_array().expect("cookies").iter().filter_map(|c| Some((c[0].as_str()?, c[1].as_bool()?))).collect();
    assert!(cookies.iter().any(|(name, _)| name.starts_with("wordpress_logged_in_")), "{cookies:?}");
    assert!(cookies.iter().all(|(_, secure)| *secure), "{cookies:?}");
    let picture = seen["picture"].take();
    let url = picture[0].as_str().expect("a URL");
    assert!(url.starts_with(&format!("https://{DOMAIN}/wp-content/uploads/")) && url.ends_with("/noise.png"), "{url}");
    let wanted = json!({"home": [format!("https://{DOMAIN}/"), "My site"], "dashboard": "Dashboard", "cookies": null, "picture": null,
                        "console": [], "insecure": [], "mixed": []});
    assert_eq!((seen, &picture[1]), (wanted, &json!(1200)));
}
