//! What stops guests, by the text of `iptables-save`. nftables' own output is tried in tests/real/firewall.rs.

use lite::doctor::{Ruleset, Way, backend, judge, judge_web, parse_iptables};

/// What stops guests, as one line each.
fn stopped(saved: &str) -> Vec<String> {
    on_network(saved, false)
}

fn on_network(saved: &str, isolated: bool) -> Vec<String> {
    let way = Way {
        bridge: "virbr7".to_owned(),
        subnet: "192.168.150.0/24".parse().expect("a subnet"),
        isolated,
        uplink: Some("eth0".to_owned()),
    };
    let rules = Ruleset { chains: parse_iptables(saved, "iptables-legacy") };
    judge(&rules, &way).into_iter().map(|o| format!("{o} | {}", o.fix)).collect()
}

const OPEN: &str = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n";
const DOCKER: &str = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [5:300]\n:OUTPUT ACCEPT [0:0]\n:DOCKER-USER - [0:0]\n\
    -A FORWARD -j DOCKER-USER\n-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
    -A FORWARD -i docker0 ! -o docker0 -j ACCEPT\n-A DOCKER-USER -j RETURN\n";
/// As libvirt writes them for a NAT network.
const LIBVIRT: &str = "-A FORWARD -j LIBVIRT_FWI\n-A FORWARD -j LIBVIRT_FWO\n\
    -A LIBVIRT_FWI -d 192.168.150.0/24 -o virbr7 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
    -A LIBVIRT_FWI -o virbr7 -j REJECT --reject-with icmp-port-unreachable\n\
    -A LIBVIRT_FWO -s 192.168.150.0/24 -i virbr7 -j ACCEPT\n\
    -A LIBVIRT_FWO -i virbr7 -j REJECT --reject-with icmp-port-unreachable\n";

#[test]
fn dockers_policy_stops_guests_unless_libvirt_lets_them_through() {
    let by = "the policy of iptables-legacy's chain `FORWARD` (table `filter`) stops them";
    // Docker's own chain for others' rules.
    let fix = "iptables-legacy -t filter -I DOCKER-USER";
    let both = [
        format!("guests reach nothing outside: {by} | {fix} -i virbr7 -j ACCEPT"),
        format!("no answer from outside reaches guests: {by} | {fix} -o virbr7 -j ACCEPT"),
    ];
    let plain = DOCKER.replace(":DOCKER-USER - [0:0]\n", "").replace("-A FORWARD -j DOCKER-USER\n", "");
    let plain = plain.replace("-A DOCKER-USER -j RETURN\n", "");
    assert_eq!(stopped(&plain), both.clone().map(|line| line.replace("DOCKER-USER", "FORWARD")));
    assert_eq!(stopped(DOCKER), both);
    let chains = ":LIBVIRT_FWI - [0:0]\n:LIBVIRT_FWO - [0:0]\n";
    assert_eq!(stopped(&format!("{DOCKER}{chains}{LIBVIRT}")), Vec::<String>::new());
    // Its fix is one: what it says is what the rules lack.
    let fixed = DOCKER.replace(
        "-A DOCKER-USER -j RETURN\n",
        "-A DOCKER-USER -o virbr7 -j ACCEPT\n-A DOCKER-USER -i virbr7 -j ACCEPT\n-A DOCKER-USER -j RETURN\n",
    );
    assert_eq!(stopped(&fixed), Vec::<String>::new());
}

/// What stops the world from the web front, and the command that opens it.
fn closed(saved: &str, port: u16) -> Option<(String, String)> {
    let way = Way {
        bridge: "virbr7".to_owned(),
        subnet: "192.168.150.0/24".parse().expect("a subnet"),
        isolated: false,
        uplink: Some("eth0".to_owned()),
    };
    let rules = Ruleset { chains: parse_iptables(saved, "iptables-nft") };
    judge_web(&rules, &way, ([203, 0, 113, 7].into(), port)).map(|closed| (closed.by, closed.fix))
}

#[test]
fn what_closes_the_web_front_is_told_with_the_command_of_its_own_tool() {
    assert_eq!(closed(OPEN, 443), None);
    let by = "the policy of iptables-nft's chain `INPUT` (table `filter`)".to_owned();
    let plain = OPEN.replace(":INPUT ACCEPT", ":INPUT DROP");
    let insert = "iptables-nft -t filter -I INPUT -p tcp -m multiport --dports '80,443' -j ACCEPT".to_owned();
    assert_eq!(closed(&plain, 443), Some((by.clone(), insert)));
    // As ufw writes them.
    let ufw = format!(
        "{plain}:ufw-before-input - [0:0]\n:ufw-not-local - [0:0]\n:ufw-user-input - [0:0]\n-A INPUT -j ufw-before-input\n\
         -A ufw-before-input -i lo -j ACCEPT\n-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
         -A ufw-before-input -j ufw-not-local\n-A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN\n\
         -A ufw-not-local -m addrtype --dst-type MULTICAST -j RETURN\n-A ufw-not-local -j DROP\n\
         -A ufw-before-input -j ufw-user-input\n-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT\n"
    );
    assert_eq!(closed(&ufw, 443), Some((by.clone(), "ufw allow 80,443/tcp".to_owned())));
    // A load balancer's own port.
    assert_eq!(closed(&ufw, 8080), Some((by.clone(), "ufw allow 8080/tcp".to_owned())));
    let insert = "iptables-nft -t filter -I INPUT -p tcp --dport 8080 -j ACCEPT".to_owned();
    assert_eq!(closed(&plain, 8080), Some((by, insert)));
    assert_eq!(closed(&format!("{ufw}-A ufw-user-input -p tcp -m multiport --dports 80,443 -j ACCEPT\n"), 443), None);
}

#[test]
fn the_firewall_that_libvirt_writes_its_rules_in_is_known() {
    let of = |saved: &str| backend(&Ruleset { chains: parse_iptables(saved, "iptables-nft") }, "virbr7");
    let chains = ":LIBVIRT_FWI - [0:0]\n:LIBVIRT_FWO - [0:0]\n";
    assert_eq!(of(&format!("{DOCKER}{chains}{LIBVIRT}")), Some("iptables"));
    // Those of another network tell nothing.
    assert_eq!(of(&format!("{DOCKER}{chains}{}", LIBVIRT.replace("virbr7", "virbr8"))), None);
}

#[test]
fn the_first_rule_that_is_about_a_packet_counts() {
    let with = |rules: &str| stopped(&format!("{OPEN}{rules}"));
    let forward = |rule: &str, fix: &str, want: &str| {
        vec![format!(
            "{want}: the rule `-A FORWARD {rule}` of iptables-legacy's chain `FORWARD` (table `filter`) stops them | \
             iptables-legacy -t filter -I FORWARD {fix} -j ACCEPT"
        )]
    };
    assert_eq!(with(""), Vec::<String>::new());
    let reject = "-i virbr+ ! -o virbr+ -j REJECT --reject-with icmp-admin-prohibited";
    let outwards = forward(reject, "-i virbr7", "guests reach nothing outside");
    assert_eq!(with(&format!("-A FORWARD {reject}\n")), outwards);
    assert_eq!(with(&format!("-A FORWARD -i virbr7 -j ACCEPT\n-A FORWARD {reject}\n")), Vec::<String>::new());
    // Of others.
    for other in ["-i virbr8 -j DROP", "-s 10.0.0.0/8 -j DROP", "-p udp -j DROP", "-p tcp -m tcp --dport 25 -j DROP"] {
        assert_eq!(with(&format!("-A FORWARD {other}\n")), Vec::<String>::new(), "{other}");
    }
    // A rule that lite does not understand stops nobody for sure, and one that accepts leaves it open.
    assert_eq!(with("-A FORWARD -m set --match-set bad src -j DROP\n"), Vec::<String>::new());
    let unsure = with(&format!("-A FORWARD -m set --match-set good src -j ACCEPT\n-A FORWARD {reject}\n"));
    assert_eq!(unsure, [format!("perhaps {}", outwards[0].replace(" stops them", " may stop them"))]);
}

#[test]
fn every_hook_and_table_is_judged() {
    let wants = |saved: &str| {
        let all = stopped(saved).into_iter();
        all.map(|o| o.split(": ").next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let input = "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
                 -A INPUT -m state --state ESTABLISHED -j ACCEPT\n";
    assert_eq!(wants(input), ["guests get no address", "guests resolve no names"]);
    let ports = "-A INPUT -i virbr7 -p udp -m multiport --dports 53,67:68 -j ACCEPT\n";
    assert_eq!(wants(&format!("{input}{ports}")), Vec::<String>::new());
    let output = format!("{OPEN}-A OUTPUT -d 192.168.0.0/16 -o virbr7 -j DROP\n");
    assert_eq!(wants(&output), ["this host reaches no guest"]);
    let raw = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -s 192.168.150.0/24 ! -i eth0 -j DROP\n";
    let outwards =
        ["guests reach nothing outside", "guests resolve no names", "no answer of a guest reaches this host"];
    assert_eq!(wants(raw), outwards);
}

#[test]
fn an_isolated_network_leads_nowhere_on_purpose() {
    let libvirts = "*filter\n:FORWARD ACCEPT [0:0]\n:LIBVIRT_FWO - [0:0]\n-A FORWARD -j LIBVIRT_FWO\n\
                    -A LIBVIRT_FWO -i virbr7 -j REJECT --reject-with icmp-port-unreachable\nCOMMIT\n";
    assert_eq!(on_network(libvirts, false).len(), 1);
    assert_eq!(on_network(libvirts, true), Vec::<String>::new());
}
