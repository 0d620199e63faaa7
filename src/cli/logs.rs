//! `lite logs`.

use std::{path::Path, time::Duration};

use super::{Env, common, session::Session};
use crate::{
    guest::{self, report::Report, tail::Tail},
    model::Result,
    plan::Resources,
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
/// address. With --boot it shows the reports of the set-up instead.
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

/// Shows a log; what the guest wrote goes through [`crate::ui::Ui::guest`].
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let session = Session::open(env)?;
    let engine = session.engine(env, false)?;
    let record = engine.store.require(&args.instance.name)?.record;
    let resources = Resources::of(&record.name, record.uuid, &session.settings.paths);
    let mut tail = Tail::open(Path::new(if args.boot { &resources.report_log } else { &resources.console_log }), 0)?;
    session.heed_interrupts()?;
    loop {
        if args.boot {
            for line in tail.lines()? {
                guest::report::parse_line(&line).map_or(Ok(()), |report| env.ui.data(&told(&report)))?;
            }
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
        tail.wait(WAIT)?;
    }
}

/// A report in words.
fn told(report: &Report) -> String {
    match report {
        Report::Stage { stage } => format!("stage    {stage}\n"),
        Report::Booted => "booted\n".to_owned(),
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
