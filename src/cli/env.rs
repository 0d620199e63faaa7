//! Everything from outside: variables, streams, clock, user. Made once, in `main.rs` or in a test.

use std::{
    io::{self, IsTerminal},
    sync::Arc,
};

use jiff::Timestamp;

use super::before_main;
use crate::{
    app::{
        App, Caller,
        settings::{self, Vars},
    },
    model::{Requester, Result, Role, Scope, Settings, Via, escaped},
    ui::{ColorEnv, ProgressPrinter, Streams, Ui, monotonic},
};

/// What the variables say about colour.
pub fn color_env(vars: &Vars) -> ColorEnv {
    ColorEnv {
        no_color: is(vars, "NO_COLOR", |_| true),
        force: is(vars, "CLICOLOR_FORCE", |v| v != "0"),
        dumb: is(vars, "TERM", |v| v == "dumb"),
    }
}

/// Whether the locale is UTF-8: the first that is set of `LC_ALL`, `LC_CTYPE` and `LANG` decides.
fn utf8(vars: &Vars) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| vars.get_os(name));
    locale.is_some_and(|l| {
        let l = l.to_string_lossy().to_ascii_lowercase();
        l.contains("utf-8") || l.contains("utf8")
    })
}

fn is(vars: &Vars, name: &str, wanted: impl Fn(&str) -> bool) -> bool {
    vars.get_os(name).is_some_and(|v| wanted(&v.to_string_lossy()))
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
            stdout: before_main::stdout(),
            stderr: Box::new(io::stderr()),
            stdin: Box::new(io::BufReader::new(io::stdin())),
            stdout_tty: io::stdout().is_terminal(),
            stderr_tty: io::stderr().is_terminal(),
            stdin_tty: io::stdin().is_terminal(),
            // A serial line says 0: it does not know.
            width: terminal_size::terminal_size().map(|(width, _)| width.0.into()).filter(|w| *w > 0).unwrap_or(80),
            utf8: utf8(&vars),
            color: color_env(&vars),
            elapsed: monotonic(),
        };
        let euid = rustix::process::geteuid().as_raw();
        Self { vars, clock: Timestamp::now, euid, ui: Ui::new(streams) }
    }

    /// What the operator decided: the configuration file, and the environment over it.
    pub fn settings(&self) -> Result<Settings> {
        settings::resolve(&self.vars)
    }

    /// The use cases, for this process.
    pub fn app(&self) -> Result<App> {
        let mut app = App::new(self.settings()?, Arc::new(self.clock), self.euid == 0);
        app.sudo_user = self.vars.get_os("SUDO_USER").and_then(|name| name.to_str()).map(str::to_owned);
        Ok(app)
    }

    /// Who asks: whoever runs a command may do what this process may. Root is known by the account it was called from.
    pub fn caller(&self) -> Caller {
        let sudo_user = self.vars.get_os("SUDO_USER").and_then(|name| name.to_str());
        let actor = match (self.euid, sudo_user) {
            (0, Some(name)) if (1..=64).contains(&name.len()) => escaped(name),
            (0, _) => "root".to_owned(),
            (uid, _) => format!("uid-{uid}"),
        };
        Caller::of(Requester { actor, via: Via::Cli, address: None }, Role::Admin, Scope::All)
    }

    /// Shows an operation while it runs.
    pub fn progress(&self) -> ProgressPrinter {
        ProgressPrinter::new(&self.ui)
    }
}

#[cfg(test)]
mod tests {
    use super::{Vars, color_env, utf8};
    use crate::ui::ColorEnv;

    fn vars<const N: usize>(pairs: [(&str, &str); N]) -> Vars {
        pairs.into_iter().collect()
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        assert_eq!(vars([("A", "")]).get("A"), Ok(None));
        assert_eq!(vars([("A", "x")]).get("A"), Ok(Some("x")));
        assert_eq!(color_env(&vars([("NO_COLOR", ""), ("CLICOLOR_FORCE", "0")])), ColorEnv::default());
        assert_eq!(
            color_env(&vars([("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1"), ("TERM", "dumb")])),
            ColorEnv { no_color: true, force: true, dumb: true }
        );
    }

    #[test]
    fn the_first_locale_variable_decides() {
        assert!(utf8(&vars([("LANG", "de_DE.UTF-8")])));
        assert!(utf8(&vars([("LC_ALL", "C.utf8"), ("LANG", "C")])));
        assert!(!utf8(&vars([("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")])));
        assert!(!utf8(&vars([])));
    }
}
