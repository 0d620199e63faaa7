//! A blueprint that came with an export: what the host itself acts on is held to the rules of a file of the catalog. The scripts run in the
//! guest alone, as its disk does.

use super::{
    blueprint::{account, id},
    health, params,
    parts::variable,
    template,
    types::{AlarmSpec, Blueprint, Health},
};
use crate::model::{Code, Error, Result, escaped};

/// Most parameters, secrets, output lines and alarms, each.
const MOST: usize = 64;
/// Longest period that an alarm looks at, minutes.
const DAY: u32 = 24 * 60;

impl Blueprint {
    /// Refused: one that no file of a catalog gives.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_foreign(&self) -> Result<()> {
        id(&self.id)?;
        self.bases.iter().try_for_each(|base| id(base).map(drop))?;
        if !self.user.is_empty() {
            account(&self.user)?;
        }
        let names: Vec<&str> = self.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        let secrets = self.secrets.iter().map(|secret| secret.name.as_str());
        let counts =
            [names.len(), self.secrets.len(), self.output.len(), self.alarms.len(), self.bases.len(), self.ports.len()];
        if counts.iter().any(|count| *count > MOST) || !names.iter().copied().chain(secrets).all(variable) {
            return Err(self.refused("its parameters or secrets are none of a blueprint"));
        }
        for pattern in self.parameters.iter().filter_map(|parameter| parameter.pattern.as_ref()) {
            params::compile(pattern).map_err(|_| self.refused("a pattern of its parameters is none"))?;
        }
        let accounts = self.secrets.iter().filter_map(|secret| secret.user.as_ref());
        if !self.output.values().chain(accounts).all(|text| template::is_plain(text, &names)) {
            return Err(self.refused("a line that it prints is not a template"));
        }
        if !self.health.as_ref().is_none_or(is_health) || !self.alarms.iter().all(is_alarm) {
            return Err(self.refused("its health check or its alarms are none"));
        }
        Ok(())
    }

    fn refused(&self, why: &str) -> Error {
        Error::new(
            Code::InvalidBlueprint,
            format!("the blueprint `{}` in the export is refused: {why}", escaped(&self.id)),
        )
        .hint("bring the file again, as `lite export` wrote it")
    }
}

fn is_health(health: &Health) -> bool {
    match health {
        Health::Http { port, path, status, text } => {
            *port > 0 && (100..=599).contains(status) && health::url_path(path).is_ok() && is_short(text.as_ref())
        }
        Health::Tcp { port, banner } => *port > 0 && is_short(banner.as_ref()),
        Health::Command { run, timeout } => (1..=50).contains(timeout) && health::script(run).is_ok(),
    }
}

fn is_short(text: Option<&String>) -> bool {
    text.is_none_or(|text| text.len() <= 4096)
}

fn is_alarm(alarm: &AlarmSpec) -> bool {
    let AlarmSpec { datapoints, of, period_minutes, .. } = alarm;
    let all = of.checked_mul(*period_minutes).is_some_and(|minutes| (1..=DAY).contains(&minutes));
    all && (1..=*of).contains(datapoints)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn those_of_the_catalog_pass_and_what_would_act_on_the_host_does_not() {
        let catalog = Catalog::embedded().unwrap();
        for blueprint in catalog.blueprints.values() {
            assert_eq!(blueprint.check_foreign(), Ok(()), "{}", blueprint.id);
        }
        let good = catalog.blueprint("wordpress").unwrap();
        let change: [fn(&mut Blueprint); 9] = [
            |b| b.id = "../x".to_owned(),
            |b| b.user = "-oProxyCommand=x".to_owned(),
            |b| b.bases = vec!["a b".to_owned()],
            |b| b.secrets[0].name = "PATH".to_owned(),
            |b| b.secrets[0].user = Some("{{ nothing }}".to_owned()),
            |b| drop(b.output.insert("X".to_owned(), "{% for a in range(100000) %}{% endfor %}".to_owned())),
            |b| {
                b.health =
                    Some(Health::Http { port: 80, path: "/ HTTP/1.1\r\nX: y".to_owned(), status: 200, text: None })
            },
            |b| b.alarms.iter_mut().for_each(|alarm| alarm.of = u32::MAX),
            |b| b.ports = vec![b.ports[0]; 65],
        ];
        assert!(!good.alarms.is_empty());
        for (n, change) in change.into_iter().enumerate() {
            let mut bad = good.clone();
            change(&mut bad);
            assert_eq!(bad.check_foreign().map_err(|e| e.exit_code()), Err(2), "{n}");
        }
    }
}
