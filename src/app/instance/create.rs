//! Making an instance.

use super::plan;
pub use super::{
    checked::{Checked, check},
    request::Create,
};
use crate::{
    app::{Accepted, App, image, stages::Timed},
    engine::{self, CopyOf, Created, ImageChoice, Request, sagas::create},
    guest,
    image::Image,
    model::{Action, InstanceState, Observer, Result, Settings, Snapshot},
    view::{CreatedView, ImageUsed, PlanView, ShownSecret, StageTime},
};

/// What came of a create.
pub struct Made {
    /// The instance.
    pub view: CreatedView,
    /// The request was made before; its instance is shown.
    pub repeated: bool,
    /// The command that makes the next create of this blueprint faster.
    pub advice: Option<Action>,
}

impl Checked {
    /// Digest of what is asked for, by which a retry is told from another request.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What would be made and what it costs.
    pub fn plan(&self, settings: &Settings) -> Result<PlanView> {
        plan::of(self, settings)
    }

    /// What the engine is asked for.
    pub(in crate::app) fn wanted(&self, app: &App) -> Result<Request> {
        let request = self.request.clone();
        let use_baked = request.use_baked && self.copy_of.is_none();
        let mut ssh_keys = self.ssh_keys.clone();
        ssh_keys.push(guest::ssh::login_key(&app.settings.paths.state)?.public);
        Ok(Request {
            blueprint: self.resolved.blueprint.clone(),
            bundle: self.resolved.bundle.clone(),
            base: self.resolved.base.clone(),
            copy_of: self.copy_of.clone(),
            image: match (use_baked, request.use_warm) {
                (true, true) => ImageChoice::Warm,
                (true, false) => ImageChoice::Baked,
                (false, _) => ImageChoice::Base,
            },
            parameters: self.parameters.clone(),
            name: request.name,
            ssh_keys,
            user_data: self.user_data.clone(),
            tags: request.tags,
            network: request.network,
            address: self.address,
            timeout: request.timeout,
            wait: request.until_ready,
            job: None,
            asked: request.asked,
            request_id: request.request_id,
            arguments: self.digest.clone(),
        })
    }

    /// Makes the instance. Refused before any change, undone until it runs, kept as `failed` after that.
    pub fn run(self, app: &App, observer: &mut dyn Observer) -> Result<Made> {
        self.accept(app, observer)?.run(observer)
    }

    /// Reserves all that the instance needs, and leaves its making to the run. The operation of a request that was made before
    /// is that of then.
    ///
    /// # Errors
    /// Refused. Nothing is left then.
    pub fn accept(self, app: &App, observer: &mut dyn Observer) -> Result<Accepted<Made>> {
        let mut observer = Timed::new(observer, app.clock.clone());
        app.check_host()?;
        let mut ctx = app.change(&self.caller, self.request.wait, &mut observer)?;
        let wanted = self.wanted(app)?;
        let Self { resolved, parameters, default_base, arriving, .. } = self;
        let use_baked = matches!(wanted.image, ImageChoice::Baked | ImageChoice::Warm);
        let of_snapshot = wanted.copy_of.as_ref().and_then(CopyOf::snapshot);
        let without = of_snapshot.filter(|snapshot| !snapshot.disks.is_empty()).map(left_out);
        let accepted = create::accept(&mut ctx, wanted, &mut observer)?;
        if let Some(without) = without {
            observer.status(&without);
        }
        let operation = match &accepted {
            create::Accepted::New(job) => job.operation.clone(),
            create::Accepted::Repeated(created) => ctx.store.require_operation(&created.operation)?,
        };
        let times = observer.times();
        Ok(Accepted::new(operation, move |observer| {
            let mut observer = Timed::after(times, observer, ctx.clock.clone());
            let created = match accepted {
                create::Accepted::New(job) => create::run(&mut ctx, *job, arriving, &mut observer)?,
                create::Accepted::Repeated(created) => *created,
            };
            let used = image_of(&ctx, &created)?;
            let plain = !created.repeated && use_baked && used.as_ref().is_some_and(|i| i.baked.is_none());
            let advice = plain.then(|| image::recipe::advice(default_base.as_ref(), &resolved, &parameters)).flatten();
            let repeated = created.repeated;
            let state = match repeated {
                true => state_of(&ctx, &created)?,
                false => InstanceState::Running,
            };
            Ok(Made { view: view(created, state, used, observer.times()), repeated, advice })
        }))
    }
}

/// Accepts several instances, all of them or none.
///
/// # Errors
/// One was refused. What was reserved for the others is given back.
pub fn accept_all(app: &App, all: Vec<Checked>, observer: &mut dyn Observer) -> Result<Vec<Accepted<Made>>> {
    let caller = all.first().map(|one| one.caller.clone());
    let mut accepted = Vec::new();
    for one in all {
        match one.accept(app, observer) {
            Ok(one) => accepted.push(one),
            Err(error) => {
                // Cut off, and at once undone.
                accepted.clear();
                caller.map_or(Ok(()), |caller| app.change(&caller, false, observer).map(drop))?;
                return Err(error);
            }
        }
    }
    Ok(accepted)
}

/// The state of an instance that an earlier request made.
fn state_of(ctx: &engine::Ctx, created: &Created) -> Result<InstanceState> {
    let listed = engine::list(ctx)?.into_iter().find(|l| l.instance.record.uuid == created.record.uuid);
    Ok(listed.map_or(InstanceState::Unknown, |l| super::state::as_reported(ctx, l).state))
}

/// Which disks of a snapshot an instance made of it does without.
fn left_out(snapshot: &Snapshot) -> String {
    let disks: Vec<String> = snapshot.disks.iter().map(|one| format!("`{}`", one.name)).collect();
    let of = format!("{} of snapshot `{}`", disks.join(", "), snapshot.name);
    format!("left out: disk {of}; `lite disk create NAME --from-snapshot {}` makes one of it", snapshot.name)
}

/// The image that the disk of a new instance lies on; none if it was replaced since.
fn image_of(ctx: &engine::Ctx, created: &Created) -> Result<Option<Image>> {
    let images = crate::image::list(&ctx.images()?)?;
    Ok(images.into_iter().find(|i| i.digest == created.record.image_digest))
}

fn view(created: Created, state: InstanceState, used: Option<Image>, stages: Vec<StageTime>) -> CreatedView {
    let record = created.record;
    let secret = |s: crate::store::Secret| ShownSecret { label: s.name, user: s.account, value: s.value };
    CreatedView {
        name: record.name.to_string(),
        uuid: record.uuid,
        state,
        ready: created.ready,
        blueprint: record.blueprint,
        bundle: record.bundle,
        outputs: created.output,
        address: record.address,
        address6: record.address6,
        price: record.price,
        currency: record.currency,
        secrets: created.secrets.into_iter().map(secret).collect(),
        operation: created.operation,
        image: ImageUsed {
            baked: used.as_ref().is_some_and(|i| i.baked.is_some()),
            id: used.map(|i| i.id),
            digest: record.image_digest,
        },
        stages,
    }
}
