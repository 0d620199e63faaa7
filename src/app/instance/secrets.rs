//! The passwords of an instance.

use crate::{
    app::{App, Caller, Right},
    model::{Name, Observer, Result},
    store::instances::no_such_instance,
    view::SecretView,
};

/// The secrets that were generated when an instance was made.
pub fn secrets(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<Vec<SecretView>> {
    caller.require(Right::Access)?;
    let store = app.store(observer)?.ok_or_else(|| no_such_instance(name, None))?;
    let secrets = store.secrets(store.require(name)?.record.uuid)?;
    let view = |s: crate::store::Secret| SecretView {
        name: s.name,
        description: s.description,
        user: s.account,
        value: s.value,
    };
    Ok(secrets.into_iter().map(view).collect())
}
