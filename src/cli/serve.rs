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
    model::{Code, DnsName, Error, Name, Result, Settings, escaped},
    serve::{self, Certificate, Files, Options, Server},
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
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8480", value_parser = address)]
    listen: SocketAddr,
    /// A certificate and its key, as files in PEM, or `self` for one of this host's own
    #[arg(long, value_name = "CERT,KEY|self", value_parser = certificate)]
    tls: Option<Certificate>,
    /// A further name of this host, as browsers call it; may be repeated
    #[arg(long = "name", value_name = "NAME", value_parser = host_name)]
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

fn address(text: &str) -> Result<SocketAddr> {
    text.parse().map_err(|_| {
        Error::new(Code::InvalidAddress, format!("`{}` is not an address and a port", escaped(text)))
            .hint("such as `127.0.0.1:8480`, or `[::1]:8480`")
    })
}

fn certificate(text: &str) -> Result<Certificate> {
    match text.split_once(',') {
        _ if text == "self" => Ok(Certificate::Own),
        Some((certificate, key)) if !certificate.is_empty() && !key.is_empty() => {
            Ok(Certificate::Files(Files { certificate: certificate.into(), key: key.into() }))
        }
        _ => Err(Error::new(Code::InvalidPath, format!("`{}` is not two files", escaped(text)))
            .hint("a certificate and its key, such as `cert.pem,key.pem`, or `self`")),
    }
}

/// A full name in DNS, or one label, as hosts at home are called.
fn host_name(text: &str) -> Result<String> {
    let name = if text.contains('.') { text.to_owned() } else { format!("{text}.local") };
    DnsName::parse(&name).map(|_| text.to_ascii_lowercase()).map_err(|_| {
        Error::new(Code::InvalidFqdn, format!("`{}` is not a name of a host", escaped(text)))
            .hint("labels of letters, digits and `-`, such as `lite.example.org` or `nas`, without a port")
    })
}

/// Serves until Ctrl-C or SIGTERM.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    if let Some(Command::Ca(_)) = args.command {
        return env.ui.data(&serve::authority(&env.app()?, &env.caller())?);
    }
    let options = Options { tls: args.tls.clone(), names: args.names.clone(), ..Options::usual(args.listen) };
    options.check()?;
    if let Some(folder) = &args.install {
        return install(args, env, folder);
    }
    let (app, caller) = (env.app()?, env.caller());
    let ready = front::begin(&app, &caller)?;
    let stop = Arc::new(AtomicBool::new(false));
    signals::heed(&stop)?;
    let ui = env.ui.clone();
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    let tell = |server: &Server| {
        // A code is for whoever sits here, not for a journal.
        let code = if ui.stderr_tty { Some(user::log_in(&app, &caller, &Name::parse("root")?)?.code) } else { None };
        let mut lines = welcome(scheme, server.address, args.names.first(), code.as_deref(), ready.is_watched);
        if let Some(fingerprint) = server.fingerprint() {
            lines.push(format!("`lite serve ca` prints what to trust, of this SHA-256: {fingerprint}"));
        }
        lines.iter().for_each(|line| ui.status(line));
        Ok(())
    };
    serve::run(app.clone(), options, &stop, &tell)
}

fn install(args: &Args, env: &Env, folder: &Path) -> Result<()> {
    let mut words = vec!["--listen".to_owned(), args.listen.to_string()];
    let mut reads = Vec::new();
    match &args.tls {
        None => {}
        Some(Certificate::Own) => words.extend(["--tls", "self"].map(str::to_owned)),
        Some(Certificate::Files(Files { certificate, key })) => {
            // systemd starts it elsewhere.
            let at = |path: &Path| {
                std::path::absolute(path).map_err(|e| Error::new(Code::InvalidPath, "a file has no place").cause(e))
            };
            let (certificate, key) = (at(certificate)?, at(key)?);
            words.extend(["--tls".to_owned(), format!("{},{}", certificate.display(), key.display())]);
            reads = vec![certificate, key];
        }
    }
    words.extend(args.names.iter().flat_map(|name| ["--name".to_owned(), name.clone()]));
    let reads: Vec<&Path> = reads.iter().map(PathBuf::as_path).collect();
    let install = |settings: &Settings, run: Run<'_>| front::install(&env.caller(), settings, folder, run, &reads);
    print_unit(&env.ui, &as_service(env, &words, install)?, front::UNIT)
}

/// What is told at the start: the address, and to whoever sits at a terminal how to get in.
fn welcome(
    scheme: &str,
    address: SocketAddr,
    name: Option<&String>,
    code: Option<&str>,
    is_watched: bool,
) -> Vec<String> {
    let port = address.port();
    let host = match name {
        Some(name) => format!("{name}:{port}"),
        // All addresses are none that a browser could open.
        None if address.ip().is_unspecified() => format!("THIS-HOST:{port}"),
        None => address.to_string(),
    };
    let mut lines = vec![format!("the console is at {scheme}://{host}/")];
    if let Some(code) = code {
        lines.push(format!("log in, once, within ten minutes: {scheme}://{host}/login#{code}"));
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
    use super::{certificate, host_name, welcome};
    use crate::{
        model::Code,
        serve::{Certificate, Files},
    };

    #[test]
    fn who_sits_at_a_terminal_is_told_how_to_get_in_and_a_journal_is_not() {
        let address = "127.0.0.1:8480".parse().unwrap();
        let all = [
            "the console is at http://127.0.0.1:8480/",
            "log in, once, within ten minutes: http://127.0.0.1:8480/login#K7QF-9M2P-XV4T-C8RN",
            "from another computer, first: ssh -L 8480:127.0.0.1:8480 THIS-HOST",
            "for programs: `sudo lite key create`",
            "nobody watches the instances: `sudo lite watch --install` starts again what crashes",
        ];
        assert_eq!(welcome("http", address, None, Some("K7QF-9M2P-XV4T-C8RN"), false), all);
        assert_eq!(welcome("http", address, None, None, true), all[..1]);
        let every = "0.0.0.0:443".parse().unwrap();
        assert_eq!(welcome("https", every, None, None, true), ["the console is at https://THIS-HOST:443/"]);
        let name = "lite.example".to_owned();
        assert_eq!(welcome("https", every, Some(&name), None, true), ["the console is at https://lite.example:443/"]);
    }

    #[test]
    fn names_and_files_have_their_forms() {
        assert_eq!(host_name("NAS"), Ok("nas".to_owned()));
        assert_eq!(host_name("lite.example.org"), Ok("lite.example.org".to_owned()));
        for wrong in ["", "a b", "nas:8480", "-a", "https://nas", "a..b"] {
            assert_eq!(host_name(wrong).map_err(|e| e.code), Err(Code::InvalidFqdn), "{wrong}");
        }
        let files = Files { certificate: "a.pem".into(), key: "b.pem".into() };
        assert_eq!(certificate("a.pem,b.pem"), Ok(Certificate::Files(files)));
        assert_eq!(certificate("self"), Ok(Certificate::Own));
        for wrong in ["a.pem", ",b.pem", "a.pem,", ""] {
            assert_eq!(certificate(wrong).map_err(|e| e.code), Err(Code::InvalidPath), "{wrong}");
        }
    }
}
