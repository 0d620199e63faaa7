//! The console's pages of what leads to instances: ports, domains, static addresses, load balancers.

use crate::support::{
    furnished::furnished,
    html::{fact, names, part, rows},
    served::Served,
};

fn house() -> (Served, String) {
    let served = Served::of(furnished(), |_| {});
    let cookie = served.root();
    (served, cookie)
}

#[test]
fn a_port_is_published_and_taken_away() {
    let (served, cookie) = house();
    let path = "/instances/shop/network";
    assert_eq!(
        served.refuses(path, &cookie, "action=publish&ports=80:0&sources=nowhere&address=here"),
        [
            "ports: `80:0` is not a port to publish",
            "address: `here` is no address",
            "sources: `nowhere` is not a network",
        ]
    );
    assert_eq!(
        served.refuses(path, &cookie, "action=publish&ports=81&sources=&address="),
        ["ports: the firewall of instance `shop` closes `81/tcp`"]
    );
    assert_eq!(served.refuses(path, &cookie, "action=publish&ports=&sources=&address="), ["ports: no port is given"]);
    served.does("/instances/shop/firewall", &cookie, "action=open&port=81&sources=");
    served.does(path, &cookie, "action=publish&ports=81:8081&sources=192.0.2.0/24&address=");
    assert_eq!(names(&served.get(path, &cookie).body), ["8081/tcp to 81"]);
    let overview = served.get("/instances/shop", &cookie).body;
    assert_eq!(fact(&overview, "Published"), "8081/tcp to 81");
    served.does(path, &cookie, "action=unpublish&lead_port=8081/tcp");
    assert!(served.get(path, &cookie).body.contains("<h2>Ports of this host</h2>\n<p>None leads to it.</p>"));
    assert_eq!(
        served.refuses(path, &cookie, "action=unpublish&lead_port=8081/tcp"),
        ["-: `8081/tcp` of this host does not lead to `shop`"]
    );
    assert_eq!(
        served.refuses(path, &cookie, "action=unpublish&lead_port="),
        ["lead_port: `` is not a port"],
        "without a port nothing goes, and not everything"
    );
    assert_eq!(
        served.refuses(path, &cookie, "action=domain&domain=shop&port=80/udp&from="),
        ["domain: `shop` is not a domain: it is not a full name in DNS", "port: a domain leads to a TCP port"]
    );
}

#[test]
fn a_static_address_is_kept_led_about_and_given_back() {
    let (served, cookie) = house();
    assert_eq!(
        served.refuses("/network", &cookie, "action=allocate&name=site&address=x"),
        ["address: `x` is no IPv4 address"]
    );
    assert_eq!(served.does("/network", &cookie, "action=allocate&name=second&address="), "/network");
    let taken = served.refuses("/network", &cookie, "action=allocate&name=second&address=");
    assert_eq!(taken, ["name: there is a static address `second` already"]);
    assert_eq!(names(&served.get("/network", &cookie).body), ["second", "site"]);
    let leads = |name: &str| {
        let page = served.get(&format!("/instances/{name}/network"), &cookie).body;
        part(&page, "<h2>Static address</h2>\n<p>", "</p>").split(',').next().unwrap_or_default().to_owned()
    };
    assert_eq!((leads("shop"), leads("blog")), ("site".to_owned(), "None leads to it.".to_owned()));
    served.does("/instances/blog/network", &cookie, "action=attach-ip&ip=site");
    assert_eq!((leads("shop"), leads("blog")), ("None leads to it.".to_owned(), "site".to_owned()));
    served.does("/instances/blog/network", &cookie, "action=detach-ip&ip=site");
    served.does("/network", &cookie, "action=attach&ip=second&instance=shop");
    served.does("/network", &cookie, "action=detach&ip=second");
    for ip in ["site", "second"] {
        served.does("/network", &cookie, &format!("action=release&ip={ip}"));
    }
    assert!(served.get("/network", &cookie).body.contains("<h2>Static addresses</h2>\n<p>None is kept."));
}

#[test]
fn instances_are_put_behind_a_load_balancer_and_taken_out() {
    let (served, cookie) = house();
    assert_eq!(
        served.refuses("/network", &cookie, "action=balance&new=front&domain=x&port=http&listen=&path=no"),
        [
            "port: `http` is not a port",
            "domain: `x` is not a domain: it is not a full name in DNS",
            "path: `no` is not the path of a URL",
        ]
    );
    served.does("/network", &cookie, "action=balance&new=second&domain=&port=&listen=8080&path=");
    let path = "/load-balancers/second";
    let closed = served.refuses(path, &cookie, "action=attach&instance=shop");
    assert_eq!(closed, ["-: the firewall of instance `shop` closes `80/tcp`"]);
    served.does("/instances/shop/firewall", &cookie, "action=open&port=80&sources=");
    served.does(path, &cookie, "action=attach&instance=shop");
    let page = served.get(path, &cookie).body;
    assert_eq!(rows(&page).len(), 1);
    assert!(!part(&page, "<select", "</select>").contains("shop"), "it is there already");
    served.does(path, &cookie, "action=detach&target=shop");
    assert!(served.get(path, &cookie).body.contains("<p>There are none behind it"));
    assert_eq!(served.refuses(path, &cookie, "action=delete&confirm=front"), ["confirm: `front` is not its name"]);
    served.does(path, &cookie, "action=delete&confirm=second");
    assert_eq!(served.get(path, &cookie).status, 404);
}
