//! The passwords of an instance.

use crate::{
    app::{App, Caller, Right, scope::Target},
    model::{AuditAction, Name, Observer, ResourceKind, Result},
    store::instances::no_such_instance,
    view::SecretView,
};

/// The secrets that were generated when an instance was made.
pub fn secrets(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<Vec<SecretView>> {
    app.authorise(caller, Right::Access, Target::instance(name))?;
    let mut store = app.store(caller, observer)?.ok_or_else(|| no_such_instance(name, None))?;
    let uuid = store.require(name)?.record.uuid;
    store.record_audit(&app.done(caller, AuditAction::ShowSecrets).about(ResourceKind::Instance, name))?;
    let secrets = store.secrets(uuid)?;
    let view = |s: crate::store::Secret| SecretView {
        name: s.name,
        description: s.description,
        user: s.account,
        value: s.value,
    };
    Ok(secrets.into_iter().map(view).collect())
}
