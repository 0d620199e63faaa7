//! What guests report by themselves, and what follows from a report that nobody waited for.

use secrecy::SecretString;

use super::Ctx;
use crate::{
    guest::{
        self,
        report::{Report, Status},
    },
    kill_point,
    model::{Phase, Record, Result},
    plan,
    render::Seed,
    store::CleanSeed,
};

/// Instances nobody waited for: reads in their report log whether they became ready or failed, and stores it. One of which
/// that cannot be stored keeps no other from it; one whose row cannot be read is passed over.
pub fn adopt_reports(ctx: &mut Ctx) -> Result<()> {
    let mut result = Ok(());
    let readable = ctx.store.instances_on(&ctx.host_id())?.into_iter().filter_map(|(_, row)| row.ok());
    for instance in readable.filter(|i| i.phase == Phase::Unverified) {
        let record = &instance.record;
        match reported_phase(ctx, record) {
            // The guest has taken its secrets over, or never will. A seed that cannot be cleaned now is tried by the next command.
            Some(_) if clean_seed(ctx, record).is_err() => {}
            Some((phase, failure)) => result = result.and(ctx.store.set_phase(record.uuid, phase, failure.as_deref())),
            None => {}
        }
    }
    result
}

/// How the set-up of an instance ended that nobody waited for, and why it failed if it did; none while it goes on. Only
/// looks.
pub fn reported_phase(ctx: &Ctx, record: &Record) -> Option<(Phase, Option<String>)> {
    match last_report(ctx, record)? {
        Report::Done { .. } | Report::Booted | Report::Status(Status { failed: None, .. }) => {
            Some((Phase::Ready, None))
        }
        Report::Failed { module, .. } | Report::Status(Status { failed: Some(module), .. }) => {
            Some((Phase::Failed, Some(format!("set-up failed in module `{module}`"))))
        }
        _ => None,
    }
}

/// The last thing a guest reported that tells how its set-up ended. A status tells it as well: the report of the end
/// itself may lie months back.
pub fn last_report(ctx: &Ctx, record: &Record) -> Option<Report> {
    let (lines, _) =
        guest::tail::recent(&*ctx.machine, &plan::report_log(record, &ctx.settings.host.folders.logs)).ok()?;
    let tells = |r: &Report| {
        !matches!(r, Report::Stage { .. } | Report::Published(_) | Report::Progress { .. } | Report::Upgraded(_))
    };
    lines.iter().rev().filter_map(|line| guest::report::parse_line(line)).find(tells)
}

/// Replaces the seed by one without secrets, of the same size.
pub fn clean_seed(ctx: &mut Ctx, record: &Record) -> Result<()> {
    let Some(clean) = ctx.store.clean_seed(record.uuid)? else { return Ok(()) };
    write_seed(ctx, record, clean)
}

/// Writes a seed without secrets over that of an instance, and keeps what it holds.
pub fn write_seed(ctx: &mut Ctx, record: &Record, clean: CleanSeed) -> Result<()> {
    let seed = Seed {
        user_data: SecretString::default(),
        user_data_scrubbed: clean.user_data.clone(),
        meta_data: clean.meta_data.clone(),
        network_config: clean.network_config.clone(),
    };
    ctx.hypervisor.upload(&ctx.settings.host.pool, &plan::seed(record), &guest::seed::scrubbed_iso(&seed)?)?;
    kill_point::reached("effect");
    ctx.store.set_seed(record.uuid, &CleanSeed { is_written: true, ..clean })
}
