//! What the verbs of the network refuse: exit code 2, and neither the database nor a rule of the kernel is changed. What needs names
//! in DNS is in `site`.

use std::process::Command;

use rusqlite::{Connection, types::Value};

use crate::support::{
    guest_net::Outside,
    host::{Host, needs_host, text},
    idle::{created, idle_host, run},
    skip::skip,
};

crate::tests![bad_input_is_refused_and_changes_nothing];

const A: &str = "lite-test-inp-a";
const B: &str = "lite-test-inp-b";

/// Each row of each table.
fn rows(host: &Host) -> Vec<String> {
    let database = Connection::open(host.folder.path().join("state/state.db")).expect("a database");
    let all = |query: &str| -> Vec<Vec<Value>> {
        let mut query = database.prepare(query).expect("a query");
        let count = query.column_count();
        let row = query.query_map([], |row| (0..count).map(|n| row.get(n)).collect());
        row.expect("rows").collect::<Result<_, _>>().expect("values")
    };
    let tables = all("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
    let rows = tables.iter().flat_map(|table| match &table[0] {
        Value::Text(name) => {
            all(&format!("SELECT * FROM \"{name}\"")).into_iter().map(move |row| format!("{name} {row:?}"))
        }
        other => panic!("{other:?}"),
    });
    rows.collect()
}

fn bad_input_is_refused_and_changes_nothing() {
    needs_host();
    if std::fs::read_to_string("/proc/sys/net/ipv6/conf/all/disable_ipv6").ok().as_deref() != Some("0\n") {
        skip("IPv6 is off on this host");
    }
    let host = idle_host("inp", 140);
    std::fs::write(host.folder.path().join("config.toml"), "subnet6 = \"fd6c:6974:6500:140::/64\"\n").expect("written");
    let outside = Outside::new("inp");
    outside.set_ipv6("inp", "2001:db8::/64");
    // By this address the host goes out.
    run(Command::new("ip").args(["-6", "route", "add", "2001:db8::/64", "dev", "ltw-inp", "src", Outside::HOST6]));
    for name in [A, B] {
        created(&host, name);
        host.ok(&["firewall", name, "open", "80", "53/udp"]);
    }
    host.ok(&["publish", B, "80:8045"]);
    host.ok(&["lb", "create", "web", "--listen", "8046"]);
    host.ok(&["ip", "allocate", "kept"]);
    let service = std::net::TcpListener::bind(("0.0.0.0", 8047)).expect("a service");
    let own = std::fs::read_to_string("/proc/self/comm").expect("read");
    let listens = format!("`{}` (process {}) listens on `8047/tcp` of this host", own.trim(), std::process::id());
    let dns = std::fs::read_to_string(format!("/run/libvirt/network/{}.pid", host.tag)).expect("read");
    let dns = format!("`dnsmasq` (process {})", dns.trim());
    let of = |last: &str| host.subnet.replace(".0/24", last);
    let not_ours = |address: &str| format!("`{address}` is no address of this host's network");
    let no_port = |text: &str| format!("`{text}` is not a port to publish");
    let ssh = "port 22 is this host's own: its administrator logs in there";
    let mapped = format!("::ffff:{}", Outside::HOST);
    let many: Vec<String> = (1..=61).map(|n| n.to_string()).collect();
    let many: Vec<&str> = ["firewall", A, "set"].into_iter().chain(many.iter().map(String::as_str)).collect();
    let (broadcast, gateway) = (of(".255"), of(".1"));
    let cases: Vec<(Vec<&str>, String)> = vec![
        (vec!["publish", A, "0"], no_port("0")),
        (vec!["publish", A, "65536"], no_port("65536")),
        (vec!["publish", A, "http"], no_port("http")),
        (vec!["publish", A, "80:90-80"], no_port("80:90-80")),
        (vec!["publish", A, "80:\u{1b}[2J"], no_port("80:\\u{1b}[2J")),
        (vec!["publish", A, "80:8080", "80:8080"], "`8080/tcp` is given twice".to_owned()),
        (vec!["publish", A, "81"], format!("the firewall of instance `{A}` closes `81/tcp`")),
        (vec!["publish", A, "22"], ssh.to_owned()),
        (vec!["publish", A, "22", "--address", Outside::HOST], ssh.to_owned()),
        (vec!["publish", A, "22", "--address", Outside::HOST6], ssh.to_owned()),
        (vec!["publish", A, "80:8045"], format!("`8045/tcp` leads to instance `{B}` already")),
        (vec!["publish", A, "80:8046"], "`8046/tcp` of this host leads to load balancer `web`".to_owned()),
        (vec!["publish", A, "80:8047"], listens.clone()),
        (
            vec!["publish", A, "53/udp", "--address", &gateway],
            format!("{dns} listens on `{gateway}:53/udp` of this host"),
        ),
        (vec!["publish", A, "80", "--address", "203.0.113.9"], not_ours("203.0.113.9")),
        (vec!["publish", A, "80", "--address", "127.0.0.1"], not_ours("127.0.0.1")),
        (vec!["publish", A, "80", "--address", "0.0.0.0"], not_ours("0.0.0.0")),
        (vec!["publish", A, "80", "--address", "255.255.255.255"], not_ours("255.255.255.255")),
        (vec!["publish", A, "80", "--address", &broadcast], not_ours(&broadcast)),
        (vec!["publish", A, "80", "--address", "224.0.0.1"], not_ours("224.0.0.1")),
        (vec!["publish", A, "80", "--address", "::"], not_ours("::")),
        (vec!["publish", A, "80", "--address", "ff02::1"], not_ours("ff02::1")),
        (vec!["publish", A, "80", "--address", &mapped], not_ours(&mapped)),
        (
            vec!["publish", A, "80", "--from", "10.0.0.1/8"],
            "`--from`: `10.0.0.1/8` is an address in a network, not a network".to_owned(),
        ),
        (
            vec!["publish", A, "80", "--address", Outside::HOST, "--from", "2001:db8::/32"],
            format!("nobody of these networks comes by `{}`", Outside::HOST),
        ),
        (
            vec!["publish", A, "--domain", "localhost"],
            "`--domain`: `localhost` is not a domain: it is not a full name in DNS".to_owned(),
        ),
        (
            vec!["publish", A, "--domain", "192.0.2.1"],
            "`--domain`: `192.0.2.1` is not a domain: it is an address".to_owned(),
        ),
        (vec!["publish", "none", "80"], "there is no instance `none`".to_owned()),
        (vec!["unpublish", A, "8045"], format!("`8045/tcp` of this host does not lead to `{A}`")),
        (vec!["firewall", A, "open", "90-80"], "`90-80` is not a port".to_owned()),
        (vec!["firewall", A, "open"], "no PORT is given".to_owned()),
        (many, format!("instance `{A}` would have 61 rules, more than 60")),
        (vec!["ip", "allocate", A], format!("an instance is called `{A}`")),
        (vec!["ip", "allocate", "../x"], "`../x` is not a valid name".to_owned()),
        (
            vec!["ip", "allocate", "new", "--address", "10.99.99.9"],
            "`10.99.99.9` is on no interface of this host".to_owned(),
        ),
        (vec!["ip", "attach", "kept", "none"], "there is no instance `none`".to_owned()),
        (vec!["ip", "release", "none"], "there is no static address `none`".to_owned()),
        (vec!["lb", "create", "new", "--listen", "22"], ssh.to_owned()),
        (vec!["lb", "create", "new", "--listen", "8045"], format!("`8045/tcp` leads to instance `{B}` already")),
        (
            vec!["lb", "create", "new", "--listen", "8046"],
            "`8046/tcp` of this host leads to load balancer `web`".to_owned(),
        ),
        (vec!["lb", "create", "new", "--listen", "8047"], listens),
        (vec!["lb", "create", A, "--listen", "8048"], format!("an instance is called `{A}`")),
        (
            vec!["lb", "create", "new", "--listen", "8048", "--health-path", "/ HTTP/1.0\r\nX: y"],
            "`--health-path`: `/ HTTP/1.0\\r\\nX: y` is not the path of a URL".to_owned(),
        ),
        (vec!["lb", "attach", "web"], "missing `<NAME>...`".to_owned()),
        (vec!["lb", "attach", "web", "none"], "there is no instance `none`".to_owned()),
        (vec!["lb", "detach", "web", A], format!("instance `{A}` is not behind load balancer `web`")),
        (vec!["lb", "detach", "web", A, "--drain", "0s"], "`--drain`: `0s` is not a time".to_owned()),
    ];
    let now = || (rows(&host), host.tables_text());
    let before = now();
    let mut wrong = Vec::new();
    for (args, wanted) in cases {
        let out = host.lite(&args);
        let said = text(&out.stderr);
        let first = said.lines().next().unwrap_or_default();
        if out.status.code() != Some(2) || first != format!("error: {wanted}") || now() != before {
            wrong.push(format!("{args:?}: {:?}, {said}", out.status.code()));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    drop(service);
    host.ok(&["lb", "delete", "web"]);
    for name in [A, B] {
        host.ok(&["delete", name, "--yes"]);
    }
}
