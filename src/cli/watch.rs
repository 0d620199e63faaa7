//! `lite watch`.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use super::{Env, signals};
use crate::{
    app::{front::Run, settings::KEYS, watch},
    model::{Code, Error, Result, Settings, escaped},
    ui::print::print_unit,
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite watch
      Watch in the foreground; stop with Ctrl-C
  lite watch --install
      Write a systemd unit that watches from now on
  lite watch --metrics-listen 127.0.0.1:9180
      Show metrics to Prometheus, at /metrics";

/// Watch the instances: restart, measure, alarm
///
/// Looks at every instance each 10 seconds. Starts again what crashed, with
/// longer and longer pauses and an end; starts what is wanted after a boot of the
/// host; leaves alone what was stopped. Measures, evaluates alarms, and sends
/// messages to the contacts. One at a time on a host. The tag
/// `guest-shutdown=restart` starts an instance again that powered itself off, the
/// tag `reset-unresponsive` resets one whose QEMU does not answer.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// Show metrics to Prometheus at this address and port
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = address)]
    metrics_listen: Option<SocketAddr>,
    /// Write a systemd unit into this folder and end
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, default_missing_value = "/etc/systemd/system")]
    install: Option<PathBuf>,
}

fn address(text: &str) -> Result<SocketAddr> {
    text.parse().map_err(|_| {
        Error::new(Code::InvalidAddress, format!("`{}` is not an address and a port", escaped(text)))
            .hint("such as `127.0.0.1:9180`, or `[::1]:9180`")
    })
}

/// Watches until Ctrl-C or SIGTERM, or writes the unit.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    if let Some(folder) = &args.install {
        return install(args, env, folder);
    }
    let app = env.app()?;
    signals::heed(&app.cancel)?;
    let ui = env.ui.clone();
    watch::run(&app, &env.caller(), args.metrics_listen, &move |text: &str| ui.status(text))
}

fn install(args: &Args, env: &Env, folder: &Path) -> Result<()> {
    let listen = args.metrics_listen.map(|a| vec!["--metrics-listen".to_owned(), a.to_string()]).unwrap_or_default();
    let install = |settings: &Settings, run: Run<'_>| watch::install(&env.caller(), settings, folder, run);
    print_unit(&env.ui, &as_service(env, &listen, install)?, watch::UNIT)
}

/// What systemd is to run: this program with these arguments and the variables of now, which make these settings.
pub(super) fn as_service<T>(
    env: &Env,
    arguments: &[String],
    install: impl FnOnce(&Settings, Run<'_>) -> Result<T>,
) -> Result<T> {
    // A unit that would not start is none: the settings are read as it will read them.
    let settings = env.settings()?;
    let program = std::env::current_exe()
        .map_err(|e| Error::new(Code::Internal, "cannot tell where this program lies").cause(e))?;
    let mut variables = Vec::new();
    for key in std::iter::once("config").chain(KEYS) {
        let name = format!("LITE_{}", key.to_uppercase());
        if let Some(value) = env.vars.get(&name)? {
            variables.push((name.clone(), value.to_owned()));
        }
    }
    install(&settings, Run { program: &program, arguments, variables: &variables })
}
