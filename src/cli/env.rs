//! Everything from outside: variables, streams, clock, user. Made once, in `main.rs` or in a test.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{self, IsTerminal},
};

use jiff::Timestamp;

use super::settings;
use crate::{
    model::{Code, Error, Result, Settings},
    ui::{ColorEnv, Streams, Ui, monotonic},
};

/// Environment variables, by name. An empty one counts as not set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vars(BTreeMap<String, OsString>);

impl Vars {
    /// The value, if it is set, not empty, and UTF-8; refused if it is not UTF-8.
    pub fn get(&self, name: &str) -> Result<Option<&str>> {
        match self.0.get(name).filter(|v| !v.is_empty()) {
            None => Ok(None),
            Some(value) => value
                .to_str()
                .map(Some)
                .ok_or_else(|| Error::new(Code::InvalidVariable, format!("the variable `{name}` is not UTF-8"))),
        }
    }

    /// The value as it is, if it is set and not empty.
    pub fn get_os(&self, name: &str) -> Option<&OsString> {
        self.0.get(name).filter(|v| !v.is_empty())
    }

    fn is(&self, name: &str, wanted: impl Fn(&str) -> bool) -> bool {
        self.get_os(name).is_some_and(|v| wanted(&v.to_string_lossy()))
    }

    /// What the variables say about colour.
    pub fn color(&self) -> ColorEnv {
        ColorEnv {
            no_color: self.is("NO_COLOR", |_| true),
            force: self.is("CLICOLOR_FORCE", |v| v != "0"),
            dumb: self.is("TERM", |v| v == "dumb"),
        }
    }

    /// Whether the locale is UTF-8: the first that is set of `LC_ALL`, `LC_CTYPE` and `LANG` decides.
    pub fn utf8(&self) -> bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| self.get_os(name));
        locale.is_some_and(|l| {
            let l = l.to_string_lossy().to_ascii_lowercase();
            l.contains("utf-8") || l.contains("utf8")
        })
    }
}

impl<K: Into<String>, V: Into<OsString>> FromIterator<(K, V)> for Vars {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(iter: I) -> Self {
        Self(iter.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}

/// Everything a verb gets from outside.
pub struct Env {
    /// Environment variables.
    pub vars: Vars,
    /// The clock.
    pub clock: fn() -> Timestamp,
    /// Effective user id.
    pub euid: u32,
    /// The printer.
    pub ui: Ui,
}

impl Env {
    /// The environment of this process.
    pub fn process() -> Self {
        // Names that are not UTF-8 are none of ours.
        let vars: Vars = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v))).collect();
        let streams = Streams {
            stdout: Box::new(io::stdout()),
            stderr: Box::new(io::stderr()),
            stdin: Box::new(io::BufReader::new(io::stdin())),
            stdout_tty: io::stdout().is_terminal(),
            stderr_tty: io::stderr().is_terminal(),
            stdin_tty: io::stdin().is_terminal(),
            width: terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0)),
            utf8: vars.utf8(),
            color: vars.color(),
            elapsed: monotonic(),
        };
        let euid = rustix::process::geteuid().as_raw();
        Self { vars, clock: Timestamp::now, euid, ui: Ui::new(streams) }
    }

    /// What the operator decided: the configuration file, and the environment over it.
    pub fn settings(&self) -> Result<Settings> {
        settings::resolve(&self.vars)
    }

    /// Adds the hint to use sudo to an error, unless we are root already.
    pub fn with_sudo_hint(&self, error: Error) -> Error {
        if self.euid == 0 { error } else { error.hint("run it with `sudo`, or as a member of the group `libvirt`") }
    }
}

#[cfg(test)]
mod tests {
    use super::Vars;
    use crate::ui::ColorEnv;

    fn vars<const N: usize>(pairs: [(&str, &str); N]) -> Vars {
        pairs.into_iter().collect()
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        assert_eq!(vars([("A", "")]).get("A"), Ok(None));
        assert_eq!(vars([("A", "x")]).get("A"), Ok(Some("x")));
        assert_eq!(vars([("NO_COLOR", ""), ("CLICOLOR_FORCE", "0")]).color(), ColorEnv::default());
        assert_eq!(
            vars([("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1"), ("TERM", "dumb")]).color(),
            ColorEnv { no_color: true, force: true, dumb: true }
        );
    }

    #[test]
    fn the_first_locale_variable_decides() {
        assert!(vars([("LANG", "de_DE.UTF-8")]).utf8());
        assert!(vars([("LC_ALL", "C.utf8"), ("LANG", "C")]).utf8());
        assert!(!vars([("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]).utf8());
        assert!(!vars([]).utf8());
    }
}
