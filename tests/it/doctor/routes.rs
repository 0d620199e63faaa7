//! The routes that packets may take, and a subnet beside them.

use super::*;

#[test]
fn every_route_that_a_packet_may_take() {
    let routes = r#"[{"dst":"default","gateway":"192.0.2.1","dev":"eth0","flags":[]},
        {"dst":"192.0.2.0/24","dev":"eth0","protocol":"kernel","scope":"link","prefsrc":"192.0.2.2","flags":[]},
        {"type":"blackhole","dst":"10.0.0.0/8","flags":[]},
        {"dst":"172.16.0.0/12","flags":[],"nexthops":[{"gateway":"192.0.2.7","dev":"eth0","weight":1,"flags":[]}]},
        {"dst":"192.168.150.0/24","dev":"wg0","table":"51820","scope":"link","flags":[]},
        {"dst":"192.168.151.0/24","dev":"tun9","table":"77","scope":"link","flags":[]},
        {"type":"local","dst":"192.0.2.2","dev":"eth0","table":"local","scope":"host","flags":[]}]"#;
    let rules = r#"[{"priority":0,"src":"all","table":"local"},{"priority":9,"not":null,"src":"all","fwmark":"0xca6c","table":"51820"},
        {"priority":32766,"src":"all","table":"main"},{"priority":32767,"src":"all","table":"default"}]"#;
    let unused = route("tun9", "192.168.151.0/24");
    let mut wanted = vec![
        route("eth0", "0.0.0.0/0"),
        route("eth0", "192.0.2.0/24"),
        route("*", "10.0.0.0/8"),
        route("*", "172.16.0.0/12"),
        route("wg0", "192.168.150.0/24"),
        route("eth0", "192.0.2.2/32"),
    ];
    assert_eq!(parse_routes(routes, rules), Ok(wanted.clone()));
    // A rule for VRFs names no table.
    let vrf = r#"[{"priority":1000,"src":"all","l3mdev":null}]"#;
    wanted.insert(5, unused);
    assert_eq!(parse_routes(routes, vrf), Ok(wanted));
    assert_eq!(parse_routes("", "[ ]"), Ok(vec![]));
    let error = parse_routes(r#"[{"dst":"10.0.0.0/99"}]"#, rules).expect_err("no destination");
    assert_eq!(error.message, "cannot read the host's routes: `10.0.0.0/99` is no destination");
    let error = parse_routes("default via", rules).expect_err("no JSON");
    assert_eq!(error.message, "cannot read the host's routes: `ip` prints something else");
}

#[test]
fn a_subnet_that_clashes_with_nothing() {
    let chosen = |routes: &[&str], wish: Option<&str>| {
        let routes: Vec<_> = routes.iter().map(|r| net(r)).collect();
        choose_subnet(&routes, wish.map(net)).map(|n| n.to_string()).map_err(|e| e.message)
    };
    let is = |text: &str| Ok(text.to_owned());
    assert_eq!(chosen(&[], None), is("192.168.150.0/24"));
    assert_eq!(chosen(&["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1"], None), is("192.168.150.0/24"));
    assert_eq!(chosen(&["192.168.150.128/25", "192.168.151.7/32"], None), is("192.168.152.0/24"));
    assert_eq!(chosen(&["192.168.0.0/16"], None), is("10.150.0.0/24"));
    assert_eq!(chosen(&["192.168.0.0/16", "10.150.0.0/20"], None), is("10.150.16.0/24"));
    assert_eq!(
        chosen(&["192.168.0.0/16", "10.0.0.0/8"], None),
        Err("this host has routes to every subnet lite would choose from".into())
    );
    assert_eq!(chosen(&["192.168.150.0/24"], Some("172.20.0.9/24")), is("172.20.0.0/24"));
    let clash = "subnet 172.20.0.0/24 clashes with this host's route to 172.16.0.0/12".to_owned();
    assert_eq!(chosen(&["0.0.0.0/0", "172.16.0.0/12"], Some("172.20.0.0/24")), Err(clash));
    let error = choose_subnet(&[net("172.16.0.0/12")], Some(net("172.20.0.0/24"))).expect_err("a clash");
    assert_eq!((error.code.as_str(), error.exit_code()), ("subnet_clash", 2));
    assert_eq!(error.hints, ["use a free one: `LITE_SUBNET=192.168.150.0/24`, or leave it out"]);
}
