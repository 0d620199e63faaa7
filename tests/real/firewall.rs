//! What stops guests, by rules that nft itself loaded and lists, in a network namespace of its own.

use std::process::Command;

use lite::doctor::{Ruleset, Way, judge, parse_nft};

use crate::support::{host::text, need, skip::skip};

crate::tests![rules_of_nftables_are_judged_in_their_order];

/// What stops guests where these rules are in force, with lite's table `lite` left out.
fn stopped(rules: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rules");
    std::fs::write(&file, rules).expect("written");
    let script = "nft -f \"$1\" && nft -j list ruleset";
    let out = Command::new("unshare").args(["-n", "sh", "-c", script, "sh"]).arg(&file).output().expect("runs");
    assert!(out.status.success(), "{}", text(&out.stderr));
    let way = Way {
        bridge: "virbr7".to_owned(),
        subnet: "192.168.150.0/24".parse().expect("a subnet"),
        isolated: false,
        uplink: Some("eth0".to_owned()),
    };
    let chains = parse_nft(&text(&out.stdout), &|family, table| family != "ip" && table == "lite").expect("rules");
    judge(&Ruleset { chains }, &way).into_iter().map(|o| format!("{o} | {}", o.fix)).collect()
}

/// A table with a base chain at `hook` that drops, but for these rules.
fn table(name: &str, hook: &str, rules: &str) -> String {
    format!("table {name} {{\nchain here {{\ntype filter hook {hook} priority 0; policy drop;\n{rules}\n}}\n}}\n")
}

fn rules_of_nftables_are_judged_in_their_order() {
    need::programs(&["nft", "unshare"]);
    if !Command::new("unshare").args(["-n", "nft", "list", "ruleset"]).output().expect("runs").status.success() {
        skip("a network namespace with nftables needs root");
    }
    let none = Vec::<String>::new();
    let by = "the policy of nftables' chain `inet fw here` stops them";
    let fix = "nft 'insert rule inet fw here";
    let outwards = format!("guests reach nothing outside: {by} | {fix} iifname \"virbr7\" accept'");
    let answers = format!("no answer from outside reaches guests: {by} | {fix} oifname \"virbr7\" accept'");
    assert_eq!(stopped(&table("inet fw", "forward", "")), [outwards.clone(), answers.clone()]);
    assert_eq!(stopped(&table("inet lite", "forward", "")), none);
    let established = "ct state established,related accept";
    assert_eq!(stopped(&table("inet fw", "forward", established)), std::slice::from_ref(&outwards));
    let mapped = "ct state vmap { established : accept, related : accept, invalid : drop }";
    assert_eq!(stopped(&table("inet fw", "forward", mapped)), std::slice::from_ref(&outwards));
    let all = format!("{established}\niifname \"virbr*\" oifname {{ \"eth0\", \"eth1\" }} counter accept");
    assert_eq!(stopped(&table("inet fw", "forward", &all)), none);
    // To be accepted in one table is no help against the next.
    let two = [table("ip first", "forward", "accept"), table("inet fw", "forward", established)].concat();
    assert_eq!(stopped(&two), std::slice::from_ref(&outwards));
    // A set that is not shown beside its rule might hold the guest.
    let unsure = format!("{established}\nip saddr @known accept");
    let unsure = table("inet fw", "forward", &unsure).replacen(
        "{\n",
        "{\nset known { type ipv4_addr; flags interval; elements = { 192.168.0.0/16 }; }\n",
        1,
    );
    let perhaps = outwards.replace("stops", "may stop");
    assert_eq!(stopped(&unsure), [format!("perhaps {perhaps}")]);
    let net = "ip saddr 192.168.0.0/16 ip daddr != 10.0.0.0/8 tcp dport { 80, 440-450 } accept";
    assert_eq!(stopped(&table("inet fw", "forward", &format!("{established}\n{net}"))), none);
    let six = "meta nfproto ipv6 accept\nmeta l4proto udp accept";
    assert_eq!(stopped(&table("inet fw", "forward", &format!("{established}\n{six}"))), [outwards]);

    // As a desktop's firewall does: chains for zones, and a refusal at the end.
    let zones = "table inet firewalld {
        chain zones { iifname \"virbr7\" goto libvirt; goto public; }
        chain libvirt { accept; }
        chain public { }
        chain here { type filter hook forward priority filter + 10; policy accept;
            ct state { established, related } accept; jump zones; reject with icmpx admin-prohibited; }
    }";
    assert_eq!(stopped(&zones.replace("; }", ";\n}").replace("{ }", "{\n}")), none);
    let public = zones.replace("iifname \"virbr7\" goto libvirt;", "").replace("; }", ";\n}").replace("{ }", "{\n}");
    let [refused] = stopped(&public).try_into().expect("one");
    let chain = "nftables' chain `inet firewalld here` stops them";
    assert!(
        refused.starts_with("guests reach nothing outside: the rule `handle ") && refused.contains(chain),
        "{refused}"
    );

    let input = table("inet fw", "input", "udp dport 67 accept\nct state established accept");
    let names = format!("guests resolve no names: {by} | {fix} iifname \"virbr7\" udp dport {{ 53, 67 }} accept'");
    assert_eq!(stopped(&input), std::slice::from_ref(&names));
    // What is for this host is told from what is for all, and from what passes through.
    let local = "fib daddr type broadcast accept\nfib daddr type { local, multicast } accept";
    assert_eq!(stopped(&table("inet fw", "input", local)), none);
    assert_eq!(stopped(&table("inet fw", "forward", "fib daddr type != local accept")), none);
    assert_eq!(
        stopped(&table("inet fw", "input", "fib daddr type broadcast accept\nct state established accept")),
        [names]
    );
}
