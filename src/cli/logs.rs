//! `lite logs`.

use std::{path::Path, time::Duration};

use super::{Env, common, session::Session};
use crate::{
    guest::{self, report::Report, tail::Tail},
    model::Result,
    plan::{console_log, report_log},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite logs nginx-1
      What its console said since it was last started
  lite logs nginx-1 --boot
      How its set-up went: stages, cloud-init, the step that failed
  lite logs nginx-1 --follow
      Go on with what is added; stop with Ctrl-C";

/// Show what an instance wrote to its console
///
/// Shows the recorded serial console of an instance, from the first byte. It is
/// recorded on this host, so it is there even if the instance never had an
/// address. With --boot it shows the reports of the set-up instead, and when the
/// answer of a health check inside the guest changed.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub instance: common::OneName,
    /// Show how the set-up of the first boot went
    #[arg(long)]
    pub boot: bool,
    /// Go on with what is added
    #[arg(long, short)]
    pub follow: bool,
}

/// How long one wait for more lasts; then Ctrl-C is looked at.
const WAIT: Duration = Duration::from_millis(500);

/// How many older files of a log virtlogd may keep.
const ROTATED: u32 = 16;

/// Shows a log; what the guest wrote goes through [`crate::ui::Ui::guest`].
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let session = Session::open(env)?;
    let engine = session.engine(env, false)?;
    let record = engine.store.require(&args.instance.name)?.record;
    let logs = &session.settings.host.folders.logs;
    let report = report_log(&record, logs);
    session.heed_interrupts()?;
    let mut health = None;
    if args.boot {
        // The minute's reports of a guest that has run for months have pushed its set-up into older files.
        for older in (0..ROTATED).rev().map(|n| format!("{}.{n}", report.display())) {
            if Path::new(&older).exists() {
                reports(env, &mut Tail::open(Path::new(&older), 0)?, &mut health)?;
            }
        }
    }
    let mut tail = Tail::open(&if args.boot { report } else { console_log(&record, logs) }, 0)?;
    loop {
        if args.boot {
            reports(env, &mut tail, &mut health)?;
        } else {
            loop {
                let bytes = tail.bytes()?;
                if bytes.is_empty() {
                    break;
                }
                env.ui.guest(&bytes)?;
            }
        }
        if !args.follow || session.is_interrupted() {
            return Ok(());
        }
        tail.wait(&env.clock, WAIT)?;
    }
}

/// Shows what a guest reported; of its health only what is new.
fn reports(env: &Env, tail: &mut Tail, health: &mut Option<String>) -> Result<()> {
    for report in tail.lines()?.iter().filter_map(|line| guest::report::parse_line(line)) {
        if let Report::Status(status) = &report {
            if status.health == *health {
                continue;
            }
            health.clone_from(&status.health);
        }
        env.ui.data(&told(&report))?;
    }
    Ok(())
}

/// A report in words.
fn told(report: &Report) -> String {
    match report {
        Report::Stage { stage } => format!("stage    {stage}\n"),
        Report::Booted => "booted\n".to_owned(),
        Report::Sealed => "sealed\n".to_owned(),
        Report::Status(status) => status.health.as_ref().map_or(String::new(), |answer| format!("health   {answer}\n")),
        Report::Done { stages } => {
            let times: Vec<String> =
                stages.iter().map(|(name, tenths)| format!("{name} {}.{} s", tenths / 10, tenths % 10)).collect();
            format!("done     {}\n", times.join(", "))
        }
        Report::Failed { module, command, code, line, tail } => {
            let mut text = format!("failed   module `{module}`\n");
            if !command.is_empty() {
                text += &format!(
                    "command  {command}\nexit     {code}{}\n",
                    if *line > 0 { format!(" in line {line}") } else { String::new() }
                );
            }
            for line in tail {
                text += &format!("         {line}\n");
            }
            text
        }
    }
}
