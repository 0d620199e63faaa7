//! `lite watch`.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{Env, session};
use crate::{
    engine::{Ctx, refuse_lost_state},
    hypervisor::{Hypervisor, LocalMachine, libvirt::Libvirt},
    model::{Code, Error, Requester, Result, Via, escaped},
    monitor::{
        actor::Actor,
        clock::{Moment, boot_id},
        export,
        guard::{self, Attempt},
        run, sender, unit,
        watcher::Watcher,
    },
    store::Store,
    ui::print::print_unit,
    view::UnitView,
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
    let settings = env.settings()?;
    let state = settings.paths.state.clone();
    let _guard = match guard::attempt(&state, "watch")? {
        Attempt::Held(guard) => guard,
        Attempt::Busy(pid) => {
            let who = pid.map_or_else(String::new, |pid| format!(": process {pid}"));
            return Err(Error::new(Code::Busy, format!("a watcher runs on this host already{who}"))
                .hint("`systemctl status lite-watch`, if it is the service"));
        }
    };
    let listener = args.metrics_listen.map(export::listen).transpose()?;
    let stop = Arc::new(AtomicBool::new(false));
    session::flag_interrupts(&stop)?;
    let ui = env.ui.clone();
    let tell = move |text: &str| ui.status(text);
    let Some(host) = connect(&settings.host.connect, &stop, &tell) else { return Ok(()) };
    let host: Arc<dyn Hypervisor> = Arc::new(host);
    refuse_lost_state(&*host, &settings)?;
    let engine = || {
        Ok(Ctx {
            settings: Arc::new(settings.clone()),
            store: Store::open(&state)?,
            hypervisor: host.clone(),
            machine: Arc::new(LocalMachine::of(&settings.host.connect)),
            clock: Arc::new(env.clock),
            cancel: stop.clone(),
            ending: Arc::default(),
            wait: Duration::ZERO,
            requester: Requester::root(Via::Watcher),
        })
    };
    let base = sender::allowed(&settings, Some(&*host));
    let local = settings.host.connect.starts_with("qemu:///system");
    let clock = env.clock;
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| sender::run(&state, &base, clock, &stop, &tell));
        let watched = Actor::start(scope, engine)
            .and_then(|actor| Watcher::new(engine()?, actor, host.clone(), &boot_id(), Moment::now(), &tell))
            .and_then(|mut watcher| {
                listener.map_or(Ok(()), |listener| export::serve(listener, watcher.exported()))?;
                run::run(&mut watcher, local, &stop, &tell)
            });
        stop.store(true, Ordering::Relaxed);
        let sent = sending.join().unwrap_or_else(|_| Err(Error::new(Code::Internal, "the sender broke off")));
        watched.and(sent)
    })
}

/// The host, as soon as it answers; none if told to stop before.
fn connect(uri: &str, stop: &AtomicBool, tell: &dyn Fn(&str)) -> Option<Libvirt> {
    let mut told = false;
    while !stop.load(Ordering::Relaxed) {
        match Libvirt::open(uri) {
            Ok(host) => return Some(host),
            Err(error) if !told => {
                told = true;
                tell(&format!("{error}; trying again"));
            }
            Err(_) => {}
        }
        for _ in 0..20 {
            if !stop.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(250));
            }
        }
    }
    None
}

fn install(args: &Args, env: &Env, folder: &Path) -> Result<()> {
    // A unit that would not start is none: the settings are read as it will read them.
    env.settings()?;
    let program = std::env::current_exe()
        .map_err(|e| Error::new(Code::Internal, "cannot tell where this program lies").cause(e))?;
    let listen = args.metrics_listen.map(|a| vec!["--metrics-listen".to_owned(), a.to_string()]);
    let mut variables = Vec::new();
    for key in std::iter::once("config").chain(super::KEYS) {
        let name = format!("LITE_{}", key.to_uppercase());
        if let Some(value) = env.vars.get(&name)? {
            variables.push((name.clone(), value.to_owned()));
        }
    }
    let path = unit::install(folder, &unit::text(&program, &listen.unwrap_or_default(), &variables))?;
    print_unit(&env.ui, &UnitView { unit: path }, unit::NAME)
}
