//! The rules as `iptables-save` writes them, whose form is that of `iptables-restore`.

use ipnet::Ipv4Net;

use super::ruleset::{Base, Chain, Condition, Hook, Insert, Rule, Test, Verdict};

/// Reads all tables; `program` is the iptables that inserts into them. Lines of any other form are passed over.
pub fn parse(text: &str, program: &'static str) -> Vec<Chain> {
    let mut chains: Vec<Chain> = Vec::new();
    let mut table = "";
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('*') {
            table = name;
        } else if let Some((name, rest)) = line.strip_prefix(':').and_then(|l| l.split_once(' ')) {
            let drops = rest.starts_with("DROP");
            // A user's chain has no policy.
            let hook = Hook::named(name).filter(|_| !rest.starts_with('-'));
            let base = hook.map(|hook| Base { hook, priority: priority(table, hook), drops });
            let (table, name) = (table.to_owned(), name.to_owned());
            chains.push(Chain { insert: Insert::Iptables(program), table, name, base, rules: Vec::new() });
        } else if let Some((name, rest)) = line.strip_prefix("-A ").and_then(|l| l.split_once(' ')) {
            let rule = rule(line, &shlex::split(rest).unwrap_or_default());
            chains.iter_mut().filter(|c| c.table == table && c.name == name).for_each(|c| c.rules.push(rule.clone()));
        }
    }
    chains
}

/// The priorities of the kernel's tables (`linux/netfilter_ipv4.h`).
fn priority(table: &str, hook: Hook) -> i64 {
    match (table, hook) {
        ("raw", _) => -300,
        ("mangle", _) => -150,
        ("nat", Hook::Prerouting | Hook::Output) => -100,
        ("nat", _) => 100,
        ("security", _) => 50,
        _ => 0,
    }
}

fn rule(line: &str, words: &[String]) -> Rule {
    let mut conditions = Vec::new();
    let mut verdict = Verdict::Goes;
    let mut words = words.iter().map(String::as_str).peekable();
    let mut not = false;
    while let Some(word) = words.next() {
        let mut list = || words.next().unwrap_or_default().split(',').map(str::to_owned).collect::<Vec<_>>();
        let test = match word {
            "!" => {
                not = true;
                continue;
            }
            "-i" => Some(Test::From(list().into_iter().map(|n| starred(&n)).collect())),
            "-o" => Some(Test::To(list().into_iter().map(|n| starred(&n)).collect())),
            "-s" => Some(nets(&list()).map_or(Test::Unknown, Test::Source)),
            "-d" => Some(nets(&list()).map_or(Test::Unknown, Test::Destination)),
            "--dst-type" => Some(Test::DestinationType(list().iter().map(|t| t.to_ascii_lowercase()).collect())),
            "-p" => Some(Test::Protocol(list())),
            "--dport" | "--dports" => Some(ports(&list()).map_or(Test::Unknown, Test::Port)),
            "--ctstate" | "--state" => Some(Test::State(list().iter().map(|s| s.to_ascii_lowercase()).collect())),
            // What these load is told by their options, and a comment is none.
            "-m" => match list()[0].as_str() {
                "tcp" | "udp" | "multiport" | "conntrack" | "state" | "addrtype" | "comment" => None,
                _ => Some(Test::Unknown),
            },
            "--comment" => {
                list();
                None
            }
            "-j" | "-g" => {
                let target = list().swap_remove(0);
                verdict = match target.as_str() {
                    "ACCEPT" => Verdict::Accept,
                    "DROP" | "REJECT" => Verdict::Drop,
                    "RETURN" => Verdict::Return,
                    _ if word == "-g" => Verdict::Goto(target),
                    _ => Verdict::Jump(target),
                };
                // What follows are options of the target.
                break;
            }
            option if option.starts_with('-') => Some(Test::Unknown),
            _ => None,
        };
        conditions.extend(test.map(|test| Condition { test, not }));
        not = false;
    }
    Rule { conditions, verdict, shown: line.to_owned() }
}

fn starred(name: &str) -> String {
    name.strip_suffix('+').map_or_else(|| name.to_owned(), |start| format!("{start}*"))
}

fn nets(words: &[String]) -> Option<Vec<Ipv4Net>> {
    words
        .iter()
        .map(|w| w.parse().ok().or_else(|| Some(Ipv4Net::from(w.parse::<std::net::Ipv4Addr>().ok()?))))
        .collect()
}

fn ports(words: &[String]) -> Option<Vec<(u16, u16)>> {
    let port = |word: &str| word.parse().ok();
    words
        .iter()
        .map(|w| w.split_once(':').map_or_else(|| Some((port(w)?, port(w)?)), |(a, b)| Some((port(a)?, port(b)?))))
        .collect()
}
