//! What HAProxy tells of its backends (`show stat`), and what is done to a server of one.

use std::{collections::HashMap, io, path::Path};

use super::socket::{Entry, ask, ask_for};
use crate::model::{Code, Error, ProxyConfiguration, ProxyServer, ProxyStatistics, Result};

/// Most bytes that are read of an answer: a backend, and each of its servers, takes about 15,000.
pub const MOST: usize = 16 << 20;
/// Backends that are asked for at once, so that whoever does not answer is waited for once. A line of 16 KiB is HAProxy's longest.
const AT_ONCE: usize = 100;
/// Backends and their servers, without frontends.
const TYPES: u8 = 6;
/// What HAProxy calls the line of the backend itself.
const ITSELF: &str = "BACKEND";

/// The statistics of these backends. One that HAProxy does not know, or a HAProxy that does not answer, has none.
pub fn of(folder: &Path, backends: &[String]) -> Vec<ProxyStatistics> {
    let socket = folder.join(ProxyConfiguration::WORKER_SOCKET);
    let answers = commands(backends).map_while(|commands| ask_for(&socket, &commands, MOST as u64).ok());
    answers.flat_map(|answer| parse(&answer)).collect()
}

/// What asks for the statistics of a backend.
pub fn command(backend: &String) -> String {
    format!("show stat {backend} {TYPES} -1 json")
}

/// What asks for the statistics of these backends, many in one line.
fn commands(backends: &[String]) -> impl Iterator<Item = String> + '_ {
    backends.chunks(AT_ONCE).map(move |some| some.iter().map(command).collect::<Vec<_>>().join(";"))
}

/// An answer is a line of JSON; of a backend that is not there it is words.
pub fn parse(answers: &str) -> Vec<ProxyStatistics> {
    let each = answers.lines().filter_map(|answer| serde_json::from_str::<Vec<Vec<Entry>>>(answer).ok());
    each.flatten().filter_map(line).collect()
}

fn line(entries: Vec<Entry>) -> Option<ProxyStatistics> {
    let fields: HashMap<String, serde_json::Value> =
        entries.into_iter().map(|entry| (entry.field.name, entry.value.value)).collect();
    let text = |name: &str| fields.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    let some = |name: &str| fields.get(name).and_then(serde_json::Value::as_u64);
    let number = |name: &str| some(name).unwrap_or_default();
    let server = text("svname");
    Some(ProxyStatistics {
        backend: Some(text("pxname")).filter(|name| !name.is_empty())?,
        server: (server != ITSELF).then_some(server),
        status: text("status"),
        check: text("check_status"),
        check_code: some("check_code"),
        sessions: number("scur"),
        requests: number("req_tot"),
        responses: [1, 2, 3, 4, 5].map(|digit| number(&format!("hrsp_{digit}xx"))),
        response_time: number("rtime"),
        rejected: number("dreq").saturating_add(number("econ")),
    })
}

/// Tells the worker which servers get new visitors, and which do not.
///
/// # Errors
/// It does not take it.
pub fn set_servers(folder: &Path, servers: &[&ProxyServer]) -> Result<()> {
    let state = |server: &&ProxyServer| if server.draining { "drain" } else { "ready" };
    let line = |server: &&ProxyServer| format!("set server {}/{} state {}", server.backend, server.name, state(server));
    tell(folder, &servers.iter().map(line).collect::<Vec<_>>())
}

/// Ends what a server still works on. It gets nothing more.
///
/// # Errors
/// The worker does not take it.
pub fn end_sessions(folder: &Path, ProxyServer { backend, name, .. }: &ProxyServer) -> Result<()> {
    let lines =
        [format!("set server {backend}/{name} state maint"), format!("shutdown sessions server {backend}/{name}")];
    tell(folder, &lines)
}

/// Each command is answered by an empty line if it was taken.
fn tell(folder: &Path, commands: &[String]) -> Result<()> {
    let socket = folder.join(ProxyConfiguration::WORKER_SOCKET);
    for command in commands {
        let failed = || Error::new(Code::ProxyFailed, format!("HAProxy does not take `{command}`"));
        let answer = ask(&socket, command).map_err(|e: io::Error| failed().cause(e))?;
        if !answer.trim().is_empty() {
            return Err(failed().cause(crate::model::escaped(answer.trim())));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_are_backends_and_servers() {
        let line = |fields: serde_json::Value| {
            let fields = fields.as_object().unwrap().clone();
            let one =
                |(name, value)| json!({"field": {"pos": 0, "name": name}, "value": {"type": "x", "value": value}});
            fields.into_iter().map(one).collect::<serde_json::Value>()
        };
        let server =
            line(json!({"pxname": "lb:shop", "svname": "web-1", "status": "DOWN 1/2", "check_status": "L7STS",
            "check_code": 503, "scur": 2, "req_tot": 9, "hrsp_2xx": 7, "hrsp_5xx": 2, "rtime": 12, "econ": 1}));
        let backend = line(json!({"pxname": "lb:shop", "svname": "BACKEND", "status": "UP", "dreq": 3, "econ": 1}));
        let of = |server: Option<&str>, status: &str| ProxyStatistics {
            backend: "lb:shop".to_owned(),
            server: server.map(str::to_owned),
            status: status.to_owned(),
            ..ProxyStatistics::default()
        };
        let wanted = [
            ProxyStatistics {
                check: "L7STS".to_owned(),
                check_code: Some(503),
                sessions: 2,
                requests: 9,
                responses: [0, 7, 0, 0, 2],
                response_time: 12,
                rejected: 1,
                ..of(Some("web-1"), "DOWN 1/2")
            },
            ProxyStatistics { rejected: 4, ..of(None, "UP") },
        ];
        let answers = format!("{}\n\nNo such proxy.\n\n{}\n\n", json!([server]), json!([backend]));
        assert_eq!(parse(&answers), wanted);
        for nothing in ["", "# pxname", "[]", "[[]]", "{}", "[[{\"field\": 1}]]"] {
            assert_eq!(parse(nothing), [], "{nothing}");
        }
    }
}
