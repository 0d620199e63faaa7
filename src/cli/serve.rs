//! `lite serve`.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use super::{Env, signals, watch::as_service};
use crate::{
    app::{
        front::{self, Run},
        user,
    },
    model::{CertificateFiles, Code, Error, Name, Result, ServerCertificate, Serving, Settings},
    serve::{self, Options, Say, Server},
    ui::print::print_unit,
};

const EXAMPLES: &str = "\
EXAMPLES:
  sudo lite serve
      On this host alone; prints a link that logs in, once
  sudo lite serve --listen 0.0.0.0:8480 --tls self --name 192.0.2.7
      For others too, with a certificate of this host's own
  sudo lite serve ca
      What browsers and programs trust then, by AWS_CA_BUNDLE for example
  sudo lite serve --listen 0.0.0.0:443 --tls cert.pem,key.pem --name lite.example.org
      With a certificate that somebody else renews; it is read again when it changes
  sudo lite serve --install
      Write a systemd unit that serves from now on; add what it is to serve with";

const CA_EXAMPLES: &str = "\
EXAMPLES:
  sudo lite serve ca
      Prints it; as a file, a browser imports it and AWS_CA_BUNDLE names it";

/// Serve the console in a browser
///
/// Listens until Ctrl-C. On a terminal a link is printed that logs in as `root`, once,
/// within ten minutes; `lite login` makes another. From another computer the console
/// is reached by an SSH tunnel, or where it listens with TLS; without TLS it listens
/// on this host alone. A browser has to call it by the address it listens on, by
/// `localhost`, or by a name given with `--name`.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Where to listen [default: the setting `listen`, or 127.0.0.1:8480]
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = Serving::parse_listen)]
    listen: Option<SocketAddr>,
    /// A certificate and its key, as files in PEM, or `self` for one of this host's own
    #[arg(long, value_name = "CERT,KEY|self", value_parser = Serving::parse_tls)]
    tls: Option<ServerCertificate>,
    /// A further name of this host, as browsers call it; may be repeated
    #[arg(long = "name", value_name = "NAME", value_parser = Serving::parse_name)]
    names: Vec<String>,
    /// Write a systemd unit that serves like this into this folder and end
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, default_missing_value = "/etc/systemd/system")]
    install: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Ca(CaArgs),
}

/// Print the certificate of this host's own authority
///
/// `lite serve --tls self` makes it. It vouches for the names and addresses of this
/// host alone: who trusts it trusts it for nothing else.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = CA_EXAMPLES)]
struct CaArgs {}

impl Args {
    /// What the settings say, and what was given over it.
    fn over(&self, settings: Serving) -> Serving {
        Serving {
            listen: self.listen.unwrap_or(settings.listen),
            tls: self.tls.clone().or(settings.tls),
            names: if self.names.is_empty() { settings.names } else { self.names.clone() },
            ..settings
        }
    }
}

/// Serves until Ctrl-C or SIGTERM.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    if let Some(Command::Ca(_)) = args.command {
        return env.ui.data(&serve::authority(&env.app()?, &env.caller())?);
    }
    let serving = args.over(env.settings()?.serve);
    let says = env.ui.clone();
    let options = Options { say: Say::by(move |line| says.status(line)), ..Options::of(serving.clone()) };
    options.check()?;
    if let Some(folder) = &args.install {
        return install(args, &serving, env, folder);
    }
    let (app, caller) = (env.app()?, env.caller());
    let ready = front::begin(&app, &caller)?;
    let stop = Arc::new(AtomicBool::new(false));
    signals::heed(&stop)?;
    let ui = env.ui.clone();
    let tell = |server: &Server| {
        // A code is for whoever sits here, not for a journal.
        let code = if ui.stderr_tty { Some(user::log_in(&app, &caller, &Name::parse("root")?)?.code) } else { None };
        // The port may have been any that is free.
        let serving = Serving { listen: server.address, ..serving.clone() };
        let mut lines = welcome(&serving, code.as_deref(), ready.is_watched);
        if let Some(fingerprint) = server.fingerprint() {
            lines.push(format!("`lite serve ca` prints what to trust, of this SHA-256: {fingerprint}"));
        }
        lines.iter().for_each(|line| ui.status(line));
        Ok(())
    };
    serve::run(app.clone(), &caller, options, &stop, &tell)
}

fn install(args: &Args, serving: &Serving, env: &Env, folder: &Path) -> Result<()> {
    // What the settings say the service reads there, as they are then.
    let mut words = args.listen.map(|listen| vec!["--listen".to_owned(), listen.to_string()]).unwrap_or_default();
    let mut reads = Vec::new();
    if let Some(ServerCertificate::Files(CertificateFiles { certificate, key })) = &serving.tls {
        // systemd starts it elsewhere.
        let at = |path: &Path| {
            std::path::absolute(path).map_err(|e| Error::new(Code::InvalidPath, "a file has no place").cause(e))
        };
        reads = vec![at(certificate)?, at(key)?];
    }
    match &args.tls {
        None => {}
        Some(ServerCertificate::Own) => words.extend(["--tls", "self"].map(str::to_owned)),
        Some(ServerCertificate::Files(_)) => {
            let files: Vec<String> = reads.iter().map(|path| path.display().to_string()).collect();
            words.extend(["--tls".to_owned(), files.join(",")]);
        }
    }
    words.extend(args.names.iter().flat_map(|name| ["--name".to_owned(), name.clone()]));
    let reads: Vec<&Path> = reads.iter().map(PathBuf::as_path).collect();
    let install = |settings: &Settings, run: Run<'_>| front::install(&env.caller(), settings, folder, run, &reads);
    print_unit(&env.ui, &as_service(env, &words, install)?, front::UNIT)
}

/// What is told at the start: the address, and to whoever sits at a terminal how to get in.
fn welcome(serving: &Serving, code: Option<&str>, is_watched: bool) -> Vec<String> {
    let (address, port) = (serving.listen, serving.listen.port());
    let at = serving.url().unwrap_or_default();
    let mut lines = vec![format!("the console is at {at}")];
    if let Some(code) = code {
        lines.push(format!("log in, once, within ten minutes: {at}login#{code}"));
        if address.ip().is_loopback() {
            lines.push(format!("from another computer, first: ssh -L {port}:{address} THIS-HOST"));
        }
        lines.push("for programs: `sudo lite key create`".to_owned());
    }
    if !is_watched {
        lines.push("nobody watches the instances: `sudo lite watch --install` starts again what crashes".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{Args, welcome};
    use crate::model::{ServerCertificate, Serving};

    #[test]
    fn who_sits_at_a_terminal_is_told_how_to_get_in_and_a_journal_is_not() {
        let serving = Serving::default();
        let all = [
            "the console is at http://127.0.0.1:8480/",
            "log in, once, within ten minutes: http://127.0.0.1:8480/login#K7QF-9M2P-XV4T-C8RN",
            "from another computer, first: ssh -L 8480:127.0.0.1:8480 THIS-HOST",
            "for programs: `sudo lite key create`",
            "nobody watches the instances: `sudo lite watch --install` starts again what crashes",
        ];
        assert_eq!(welcome(&serving, Some("K7QF-9M2P-XV4T-C8RN"), false), all);
        assert_eq!(welcome(&serving, None, true), all[..1]);
    }

    #[test]
    fn what_is_given_goes_before_the_settings() {
        let none = || Args { command: None, listen: None, tls: None, names: Vec::new(), install: None };
        let settings = Serving {
            listen: ([0, 0, 0, 0], 443).into(),
            tls: Some(ServerCertificate::Own),
            names: vec!["nas".to_owned()],
            trusted_proxy: Some([192, 0, 2, 1].into()),
            ..Serving::default()
        };
        assert_eq!(none().over(settings.clone()), settings);
        let given = Args { listen: Some(([127, 0, 0, 1], 1).into()), names: vec!["b".to_owned()], ..none() };
        let wanted = Serving { listen: ([127, 0, 0, 1], 1).into(), names: vec!["b".to_owned()], ..settings.clone() };
        assert_eq!(given.over(settings), wanted);
    }
}
