//! How an instance behind a load balancer stands, by what HAProxy tells of it.

use crate::model::{ProxyStatistics, TargetState, escaped};

/// The state of an instance and, where it is unhealthy, why. `line` is none where HAProxy does not run or know it.
pub fn state(line: Option<&ProxyStatistics>, draining: bool, stopped: bool) -> (TargetState, Option<String>) {
    let Some(line) = line else { return (TargetState::Unavailable, None) };
    match line.status.split(' ').next().unwrap_or_default() {
        _ if draining => (TargetState::Draining, None),
        "DRAIN" | "MAINT" => (TargetState::Draining, None),
        "UP" if ["", "INI"].contains(&line.check.as_str()) => (TargetState::Initial, None),
        "UP" => (TargetState::Healthy, None),
        _ if stopped => (TargetState::Off, None),
        _ => (TargetState::Unhealthy, Some(reason(line))),
    }
}

/// What the last check found, as a phrase.
fn reason(line: &ProxyStatistics) -> String {
    match (line.check.trim_start_matches("* "), line.check_code) {
        ("L4CON", _) => "it refuses the connection, or is not reached".to_owned(),
        ("L4TOUT", _) => "the connection is not answered".to_owned(),
        ("L7TOUT" | "L6TOUT", _) => "the request is not answered in time".to_owned(),
        ("L7STS", Some(code)) => format!("it answers with status {code}"),
        ("L7RSP" | "L6RSP", _) => "its answer is not HTTP".to_owned(),
        ("", _) => "it was not checked yet".to_owned(),
        (other, _) => format!("HAProxy says {}", escaped(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_follows_from_what_haproxy_tells() {
        let of = |status: &str, check: &str, check_code| ProxyStatistics {
            status: status.to_owned(),
            check: check.to_owned(),
            check_code,
            ..ProxyStatistics::default()
        };
        let seen = |line: ProxyStatistics| state(Some(&line), false, false);
        let unhealthy = |why: &str| (TargetState::Unhealthy, Some(why.to_owned()));
        assert_eq!(seen(of("UP", "INI", None)), (TargetState::Initial, None));
        assert_eq!(seen(of("UP", "L7OK", Some(200))), (TargetState::Healthy, None));
        assert_eq!(seen(of("UP 1/2", "L4CON", None)), (TargetState::Healthy, None), "one check more decides");
        assert_eq!(seen(of("DRAIN", "L7OK", Some(200))), (TargetState::Draining, None));
        assert_eq!(seen(of("DOWN", "L7STS", Some(503))), unhealthy("it answers with status 503"));
        assert_eq!(seen(of("DOWN 1/2", "L4CON", None)), unhealthy("it refuses the connection, or is not reached"));
        assert_eq!(seen(of("DOWN", "* L4TOUT", None)), unhealthy("the connection is not answered"));
        assert_eq!(seen(of("DOWN", "L7TOUT", None)), unhealthy("the request is not answered in time"));
        assert_eq!(seen(of("DOWN", "SOCKERR", None)), unhealthy("HAProxy says SOCKERR"));
        let down = of("DOWN", "L4CON", None);
        assert_eq!(state(Some(&down), false, true), (TargetState::Off, None));
        assert_eq!(state(Some(&down), true, false), (TargetState::Draining, None));
        assert_eq!(state(None, false, false), (TargetState::Unavailable, None));
    }
}
