//! The start of a network.

use super::Ctx;
use crate::{doctor, model::Result};

/// Makes a network if it is missing, and starts it.
///
/// # Errors
/// What libvirt says; with what this host lacks for it, where that is known.
pub fn start(ctx: &Ctx, name: &str, xml: &str) -> Result<()> {
    ctx.hypervisor.ensure_network(name, xml).map_err(|error| match doctor::lacks_csum(&*ctx.machine) {
        true => error.hint(format!("this kernel lacks the action `csum` of traffic control: {}", doctor::CSUM_FIX)),
        false => error,
    })
}
