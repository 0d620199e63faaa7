//! Making an instance.

use std::{collections::BTreeMap, time::Duration};

use super::{digest::digest, plan};
use crate::{
    app::{App, Caller, Right, files::Attachment, image, sources::catalog, stages::Timed},
    catalog::{Resolved, resolve_params},
    engine::{self, Created, ImageChoice, Request},
    guest,
    image::Image,
    model::{Code, Error, InstanceState, Name, NetworkMode, Observer, Result, Settings, Tag, escaped},
    render::{UserData, parse_user_data},
    view::{CreatedView, ImageUsed, PlanView, ShownSecret, StageTime},
};

/// An instance to make.
#[derive(Clone)]
pub struct Create {
    /// Id of the blueprint.
    pub blueprint: String,
    /// Id of the bundle; none: the smallest that fits the blueprint.
    pub bundle: Option<String>,
    /// Its name; none: the blueprint's and the first free number.
    pub name: Option<Name>,
    /// The operating system below an application; none: the blueprint's.
    pub base: Option<String>,
    /// Parameters of the blueprint and the values for them.
    pub parameters: Vec<(String, String)>,
    /// Public SSH keys that may log in.
    pub ssh_keys: Vec<Attachment>,
    /// A `#cloud-config` or `#!` file, run after the blueprint's own parts.
    pub user_data: Option<Attachment>,
    /// Tags.
    pub tags: Vec<Tag>,
    /// Network.
    pub network: NetworkMode,
    /// Take an image in which the blueprint is installed already, where there is one.
    pub use_baked: bool,
    /// The caller's own id of this request: asked twice, made once.
    pub request_id: Option<String>,
    /// Wait while something else works on the same instance.
    pub wait: bool,
    /// How long the application may take until it answers.
    pub timeout: Duration,
    /// Return when the application answers, not once the machine runs.
    pub until_ready: bool,
}

/// What was asked for, checked against the catalog and read from its files.
pub struct Checked {
    caller: Caller,
    pub(super) request: Create,
    pub(super) resolved: Resolved,
    pub(super) parameters: BTreeMap<String, String>,
    ssh_keys: Vec<String>,
    user_data: Option<UserData>,
    digest: String,
    /// The base where none is asked for.
    default_base: Option<String>,
}

/// What came of a create.
pub struct Made {
    /// The instance.
    pub view: CreatedView,
    /// The request was made before; its instance is shown.
    pub repeated: bool,
    /// The command that makes the next create of this blueprint faster.
    pub advice: Option<String>,
}

/// Checks everything that can be checked without the host.
pub fn check(app: &App, caller: &Caller, request: Create) -> Result<Checked> {
    caller.require(Right::Change)?;
    let catalog = catalog(&app.settings)?;
    let blueprint = catalog.blueprint(&request.blueprint)?;
    let bundle = match &request.bundle {
        Some(bundle) => bundle.clone(),
        None => catalog.smallest_bundle(blueprint).map(|b| b.id.clone()).unwrap_or_default(),
    };
    let resolved = catalog.resolve(&request.blueprint, &bundle, request.base.as_deref())?;
    let parameters = resolve_params(&resolved.blueprint, &request.parameters)?;
    refuse_double_tag(&request.tags)?;
    let ssh_keys = request.ssh_keys.iter().map(public_key).collect::<Result<_>>()?;
    let user_data = request.user_data.as_ref().map(user_data).transpose()?;
    let default_base = blueprint.bases.first().cloned();
    let caller = caller.clone();
    Ok(Checked { caller, digest: digest(&request)?, request, resolved, parameters, ssh_keys, user_data, default_base })
}

fn refuse_double_tag(tags: &[Tag]) -> Result<()> {
    let mut tags = tags.to_vec();
    tags.sort();
    match tags.windows(2).find(|w| w[0].key == w[1].key) {
        None => Ok(()),
        Some(twice) => {
            let text = format!("the tag `{}` is given twice", escaped(&twice[0].key));
            Err(Error::new(Code::InvalidTag, text).hint("give each key once"))
        }
    }
}

fn public_key(file: &Attachment) -> Result<String> {
    let text = std::str::from_utf8(&file.bytes).map_err(|_| {
        Error::new(Code::InvalidSshKey, format!("`{}` is not text", file.name)).hint("give a `.pub` file")
    })?;
    guest::keys::parse_public_key(text).map_err(|e| in_file(file, e))
}

fn user_data(file: &Attachment) -> Result<UserData> {
    parse_user_data(&file.bytes).map_err(|e| in_file(file, e))
}

fn in_file(file: &Attachment, mut error: Error) -> Error {
    error.message = format!("`{}`: {}", file.name, error.message);
    error
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

    /// Makes the instance. Refused before any change, undone until it runs, kept as `failed` after that.
    pub fn run(self, app: &App, observer: &mut dyn Observer) -> Result<Made> {
        let mut observer = Timed::new(observer, app.clock.clone());
        app.check_host()?;
        let mut ctx = app.change(&self.caller, self.request.wait, &mut observer)?;
        let Self { request, resolved, parameters, mut ssh_keys, user_data, digest, default_base, .. } = self;
        ssh_keys.push(guest::ssh::login_key(&app.settings.paths.state)?.public);
        let wanted = Request {
            blueprint: resolved.blueprint.clone(),
            bundle: resolved.bundle.clone(),
            base: resolved.base.clone(),
            image: if request.use_baked { ImageChoice::Baked } else { ImageChoice::Base },
            parameters: parameters.clone(),
            name: request.name,
            ssh_keys,
            user_data,
            tags: request.tags,
            network: request.network,
            timeout: request.timeout,
            wait: request.until_ready,
            request_id: request.request_id,
            arguments: digest,
        };
        let use_baked = request.use_baked;
        let created = engine::create(&mut ctx, wanted, &mut observer)?;
        let used = image_of(&app.settings, &created)?;
        let plain = !created.repeated && use_baked && used.as_ref().is_some_and(|i| i.baked.is_none());
        let advice = plain.then(|| image::recipe::advice(default_base.as_ref(), &resolved, &parameters)).flatten();
        let repeated = created.repeated;
        let state = match repeated {
            true => state_of(&ctx, &created)?,
            false => InstanceState::Running,
        };
        Ok(Made { view: view(created, state, used, observer.times()), repeated, advice })
    }
}

/// The state of an instance that an earlier request made.
fn state_of(ctx: &engine::Ctx, created: &Created) -> Result<InstanceState> {
    let listed = engine::list(ctx)?.into_iter().find(|l| l.instance.record.uuid == created.record.uuid);
    Ok(listed.map_or(InstanceState::Unknown, |l| super::state::as_reported(ctx, l).state))
}

/// The image that the disk of a new instance lies on; none if it was replaced since.
fn image_of(settings: &Settings, created: &Created) -> Result<Option<Image>> {
    let images = crate::image::list(&settings.host.folders.pool)?;
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
