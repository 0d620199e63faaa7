//! `lite logs`.

use super::{Env, common, signals};
use crate::{
    app::instance::logs::{self, Log},
    model::Result,
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

/// Shows a log; what the guest wrote goes through [`crate::ui::Ui::guest`].
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let app = env.app()?;
    signals::heed(&app.cancel)?;
    let log = Log { name: args.instance.name.clone(), follow: args.follow };
    let (caller, mut progress) = (env.caller(), env.progress());
    match args.boot {
        true => logs::reports(&app, &caller, &log, &mut progress, &mut |text| env.ui.guest(text.as_bytes())),
        false => logs::console(&app, &caller, &log, &mut progress, &mut |bytes| env.ui.guest(bytes)),
    }
}
