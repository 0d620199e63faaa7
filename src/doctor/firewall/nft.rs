//! The rules as `nft -j list ruleset` tells them (libnftables-json(5)).

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::Deserialize;
use serde_json::Value;

use super::ruleset::{Base, Chain, Condition, Hook, Insert, Rule, Test, Verdict};

#[derive(Deserialize)]
struct Document {
    nftables: Vec<Item>,
}

/// What is none of these stays away.
#[derive(Deserialize)]
struct Item {
    chain: Option<ChainItem>,
    rule: Option<RuleItem>,
}

#[derive(Deserialize)]
struct ChainItem {
    family: String,
    table: String,
    name: String,
    hook: Option<String>,
    prio: Option<i64>,
    policy: Option<String>,
}

#[derive(Deserialize)]
struct RuleItem {
    family: String,
    table: String,
    chain: String,
    handle: u64,
    expr: Vec<Value>,
}

/// Reads the tables that IPv4 packets pass, without those that are `skipped` by family and name.
pub fn parse(text: &str, skipped: &dyn Fn(&str, &str) -> bool) -> Result<Vec<Chain>, String> {
    let document: Document = serde_json::from_str(text).map_err(|e| format!("`nft` prints something else: {e}"))?;
    let wanted = |family: &str, table: &str| matches!(family, "ip" | "inet" | "bridge") && !skipped(family, table);
    let mut chains: Vec<Chain> = Vec::new();
    for item in document.nftables {
        if let Some(c) = item.chain.filter(|c| wanted(&c.family, &c.table)) {
            let drops = c.policy.as_deref() == Some("drop");
            let hook = c.hook.as_deref().and_then(Hook::named);
            let base = hook.map(|hook| Base { hook, priority: c.prio.unwrap_or(0), drops });
            chains.push(Chain { insert: Insert::Nft(c.family), table: c.table, name: c.name, base, rules: Vec::new() });
        } else if let Some(r) = item.rule.filter(|r| wanted(&r.family, &r.table)) {
            let insert = Insert::Nft(r.family.clone());
            let home = chains.iter_mut().find(|c| c.insert == insert && c.table == r.table && c.name == r.chain);
            if let Some(home) = home {
                home.rules.extend(rules(&r));
            }
        }
    }
    Ok(chains)
}

/// A rule; one with a map of verdicts is a rule for each of its keys.
fn rules(item: &RuleItem) -> Vec<Rule> {
    let shown = format!("handle {}", item.handle);
    let mut conditions = Vec::new();
    for expression in &item.expr {
        let Some((name, value)) = expression.as_object().and_then(|o| o.iter().next()) else {
            conditions.push(Condition { test: Test::Unknown, not: false });
            continue;
        };
        if let Some(verdict) = verdict(name, value) {
            return vec![Rule { conditions, verdict, shown }];
        }
        match name.as_str() {
            "match" => conditions.push(condition(value)),
            "vmap" => return mapped(&conditions, value, &shown),
            "counter" | "log" | "comment" => {}
            _ => conditions.push(Condition { test: Test::Unknown, not: false }),
        }
    }
    vec![Rule { conditions, verdict: Verdict::Goes, shown }]
}

fn verdict(name: &str, value: &Value) -> Option<Verdict> {
    let target = || value["target"].as_str().unwrap_or_default().to_owned();
    Some(match name {
        "accept" => Verdict::Accept,
        "drop" | "reject" => Verdict::Drop,
        "return" => Verdict::Return,
        "jump" => Verdict::Jump(target()),
        "goto" => Verdict::Goto(target()),
        _ => return None,
    })
}

fn mapped(before: &[Condition], value: &Value, shown: &str) -> Vec<Rule> {
    let pairs = value["data"]["set"].as_array().cloned().unwrap_or_default();
    let one = |pair: &Value| {
        let (name, to) = pair[1].as_object()?.iter().next()?;
        let condition = Condition { test: test(&value["key"], std::slice::from_ref(&pair[0])), not: false };
        let conditions = before.iter().cloned().chain([condition]).collect();
        Some(Rule { conditions, verdict: verdict(name, to)?, shown: shown.to_owned() })
    };
    let rules: Vec<Rule> = pairs.iter().filter_map(one).collect();
    if !rules.is_empty() {
        return rules;
    }
    // A named map: where it leads is not told here.
    let conditions = vec![Condition { test: Test::Unknown, not: false }];
    vec![Rule { conditions, verdict: Verdict::Accept, shown: shown.to_owned() }]
}

fn condition(value: &Value) -> Condition {
    let right = &value["right"];
    let values = match (right["set"].as_array(), right.as_array()) {
        (Some(all), _) | (None, Some(all)) => all.clone(),
        _ => vec![right.clone()],
    };
    match value["op"].as_str() {
        Some("==" | "in") => Condition { test: test(&value["left"], &values), not: false },
        Some("!=") => Condition { test: test(&value["left"], &values), not: true },
        _ => Condition { test: Test::Unknown, not: false },
    }
}

/// What a condition compares, with what.
fn test(left: &Value, values: &[Value]) -> Test {
    let words = || values.iter().map(|v| v.as_str().filter(|w| !w.starts_with('@')).map(str::to_owned)).collect();
    let fib = &left["fib"];
    if fib["result"] == "type" && fib["flags"].as_array().is_some_and(|flags| *flags == ["daddr"]) {
        return Option::map(words(), Test::DestinationType).unwrap_or(Test::Unknown);
    }
    let found = match (left["meta"]["key"].as_str(), left["payload"]["field"].as_str(), left["ct"]["key"].as_str()) {
        (Some("iifname" | "iif"), ..) => Option::<Vec<String>>::map(words(), Test::From),
        (Some("oifname" | "oif"), ..) => Option::map(words(), Test::To),
        (Some("l4proto"), ..) => Option::map(words(), Test::Protocol),
        // All packets here are IPv4.
        (Some("nfproto"), ..) => Option::<Vec<String>>::map(words(), |w| Test::Is(w.iter().any(|w| w == "ipv4"))),
        (_, Some("saddr"), _) => nets(values).map(Test::Source),
        (_, Some("daddr"), _) => nets(values).map(Test::Destination),
        (_, Some("protocol"), _) => Option::map(words(), Test::Protocol),
        // The name of the protocol stands beside it, and is a condition too.
        (_, Some("dport"), _) => ports(values).map(Test::Port),
        (.., Some("state")) => Option::map(words(), Test::State),
        _ => None,
    };
    found.unwrap_or(Test::Unknown)
}

fn nets(values: &[Value]) -> Option<Vec<Ipv4Net>> {
    let net = |v: &Value| match v["prefix"]["addr"].as_str() {
        Some(addr) => Ipv4Net::new(addr.parse().ok()?, u8::try_from(v["prefix"]["len"].as_u64()?).ok()?).ok(),
        None => v.as_str()?.parse::<Ipv4Addr>().ok().map(Ipv4Net::from),
    };
    values.iter().map(net).collect()
}

fn ports(values: &[Value]) -> Option<Vec<(u16, u16)>> {
    let port = |v: &Value| u16::try_from(v.as_u64()?).ok();
    let range = |v: &Value| match v["range"].as_array() {
        Some(ends) => Some((port(ends.first()?)?, port(ends.get(1)?)?)),
        None => Some((port(v)?, port(v)?)),
    };
    values.iter().map(range).collect()
}
