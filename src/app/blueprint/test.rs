//! Testing a blueprint: render it, boot it in a virtual machine of its own, and see whether it works.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{ports, results};
use crate::{
    app::{
        App, Caller, Right, elsewhere,
        files::{Attachment, read_limited},
        sources::{gather, load, sources},
        stages::Timed,
    },
    catalog::{Blueprint, Bundle, Catalog, Resolved, SourceFile, Verified, VerifiedBy, resolve_params},
    engine::{self, Created, Ctx, ImageChoice, Request},
    guest, image,
    model::{Code, Error, Hint, Mac, Name, Observer, Result, Stage, Verb, escaped},
    render::{SeedInput, UserData, UserDataFor, parse_user_data, render, render_accounts, render_output},
    view::TestView,
};

/// Blueprints to test.
#[derive(Clone)]
pub struct Test {
    /// Ids of blueprints, or files.
    pub blueprints: Vec<String>,
    /// The operating system to test on; none: the blueprint's first.
    pub base: Option<String>,
    /// Size of the virtual machine; none: exactly the minimum the blueprint states.
    pub bundle: Option<String>,
    /// Parameters of the blueprint and the values for them.
    pub parameters: Vec<(String, String)>,
    /// A `#cloud-config` or `#!` file, run after the blueprint's own parts.
    pub user_data: Option<Attachment>,
    /// How long the application may take until it answers.
    pub timeout: Duration,
    /// Check and render only, and boot nothing.
    pub render_only: bool,
    /// Leave the virtual machine where the test failed.
    pub keep: bool,
    /// Write the result into this file too.
    pub record: Option<PathBuf>,
}

/// What is tested: a blueprint on a base, with a size and values.
pub struct Subject {
    caller: Caller,
    resolved: Resolved,
    parameters: BTreeMap<String, String>,
    user_data: Option<UserData>,
    catalog: Catalog,
}

impl Subject {
    /// `nginx on debian-13`.
    pub fn title(&self) -> String {
        format!("{} on {}", self.resolved.blueprint.id, self.resolved.base)
    }
}

/// Checks all of what is asked for before the first minutes are spent.
pub fn check(app: &App, caller: &Caller, request: &Test) -> Result<Vec<Subject>> {
    app.require(caller, Right::Administer)?;
    let sources = sources(&app.settings)?;
    request.record.as_deref().map_or(Ok(()), results::readable)?;
    let subject = |named: &String| {
        let (catalog, id) = catalog_of(named, &sources).map_err(|e| elsewhere::hint(app, named, e))?;
        subject(caller, request, catalog, &id)
    };
    request.blueprints.iter().map(subject).collect()
}

/// Tests one. The view tells whether the test failed; an error is one of testing.
pub fn run(app: &App, request: &Test, subject: &Subject, observer: &mut dyn Observer) -> Result<TestView> {
    let mut observer = Timed::new(observer, app.clock.clone());
    observer.begin(Stage::Render);
    render_all(subject)?;
    observer.finish();
    let blueprint = &subject.resolved.blueprint;
    let mut view = TestView {
        blueprint: blueprint.id.clone(),
        version: blueprint.version.clone(),
        base: subject.resolved.base.clone(),
        booted: false,
        image: None,
        stages: Vec::new(),
        error: None,
    };
    if !request.render_only {
        boot(app, request, subject, &mut observer, &mut view)?;
    }
    view.stages = observer.times();
    Ok(view)
}

/// Keeps the result of a test that did not fail, on this host and in the file that was asked for.
pub fn keep(app: &App, request: &Test, subject: &Subject, view: &TestView, observer: &mut dyn Observer) -> Result<()> {
    let verified = Verified {
        blueprint: view.blueprint.clone(),
        version: view.version.clone(),
        base: view.base.clone(),
        how: if view.booted { VerifiedBy::Boot } else { VerifiedBy::Render },
        date: jiff::tz::Offset::UTC.to_datetime(app.clock.now()).date(),
        image: view.image.clone(),
        seconds: view.booted.then(|| view.seconds()),
        parts: subject.resolved.blueprint.parts_digest(),
    };
    results::keep(&app.settings, &verified, observer);
    request.record.as_deref().map_or(Ok(()), |file| results::add(file, &verified))
}

/// The catalog with the file named, and the id to test.
fn catalog_of(named: &str, sources: &[SourceFile]) -> Result<(Catalog, String)> {
    let file = Path::new(named);
    let is_file = [".yaml", ".yml"].iter().any(|end| named.ends_with(end)) || named.contains('/');
    if !is_file {
        let catalog = load(sources)?;
        let id = catalog.blueprint(named)?.id.clone();
        return Ok((catalog, id));
    }
    let text = SourceFile::from_bytes(named, read_limited(file, 4 << 20)?)?;
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut beside = Vec::new();
    // What lies beside it and cannot be read is only a fault if the file names it.
    let _ = gather(folder, &mut beside);
    beside.retain(|s| !s.name.ends_with(".yaml") && !s.name.ends_with(".yml"));
    let before = load(sources)?;
    let all: Vec<SourceFile> = sources.iter().cloned().chain(beside).chain([text]).collect();
    let catalog = load(&all)?;
    if let Some(id) = catalog.spoiled.keys().find(|id| catalog.spoiled.get(*id) != before.spoiled.get(*id)) {
        catalog.blueprint(id)?;
    }
    let ours = |b: &&Blueprint| before.blueprints.get(&b.id) != Some(*b);
    match catalog.blueprints.values().find(ours).map(|b| b.id.clone()) {
        Some(id) => Ok((catalog, id)),
        None => Err(Error::new(Code::NothingToTest, format!("`{}` holds no blueprint of its own", escaped(named)))
            .hint("it is the same as one that is known: name that one")),
    }
}

fn subject(caller: &Caller, request: &Test, catalog: Catalog, id: &str) -> Result<Subject> {
    let mut sized = catalog.clone();
    let least = minimum(catalog.blueprint(id)?, &catalog)?;
    let bundle = request.bundle.clone().unwrap_or_else(|| least.id.clone());
    sized.bundles.push(least);
    let resolved = sized.resolve(id, &bundle, request.base.as_deref())?;
    let parameters = resolve_params(&resolved.blueprint, &request.parameters)?;
    let of = UserDataFor { name: None, account: &resolved.blueprint.user };
    let user_data = request.user_data.as_ref().map(|file| parse_user_data(&file.bytes, of)).transpose()?;
    Ok(Subject { caller: caller.clone(), resolved, parameters, user_data, catalog })
}

/// A bundle of exactly the stated minimum, so that a test proves it, and reserves no more.
fn minimum(blueprint: &Blueprint, catalog: &Catalog) -> Result<Bundle> {
    let like = catalog.smallest_bundle(blueprint).or(catalog.bundles.first());
    let like = like.ok_or_else(|| Error::new(Code::UnknownBundle, "there is no bundle").hint("add one"))?;
    Ok(Bundle { id: "minimum".into(), memory: blueprint.min_memory, disk: blueprint.min_disk, ..like.clone() })
}

/// Renders everything that a create would, on every base.
fn render_all(subject: &Subject) -> Result<()> {
    let name = Name::parse("test-1")?;
    let host_key = guest::keys::new_host_key()?;
    for base in &subject.resolved.blueprint.bases {
        let mut blueprint = subject.resolved.blueprint.clone();
        if let Some(base) = subject.catalog.blueprints.get(base) {
            blueprint.user.clone_from(&base.user);
        }
        let secrets = blueprint.secrets.iter().map(|s| (s.name.clone(), guest::keys::new_secret(s))).collect();
        render(&SeedInput {
            blueprint: &blueprint,
            name: &name,
            uuid: uuid::Uuid::nil(),
            mac: Mac::ours([0, 0, 1]),
            address: None,
            params: &subject.parameters,
            secrets: &secrets,
            ssh_keys: std::slice::from_ref(&host_key.public),
            host_key: &host_key,
            user_data: subject.user_data.as_ref(),
            copied: None,
            seal: false,
            is_template: false,
        })?;
        render_output(&blueprint, &name, "192.0.2.1", &subject.parameters)?;
        render_accounts(&blueprint, &name, "192.0.2.1", &subject.parameters)?;
    }
    Ok(())
}

/// Boots it in a virtual machine of its own, waits for the health check, looks what listens, and removes it.
fn boot(app: &App, request: &Test, subject: &Subject, observer: &mut dyn Observer, view: &mut TestView) -> Result<()> {
    let mut ctx = app.change(&subject.caller, false, observer)?;
    let resolved = &subject.resolved;
    let name = Name::numbered(&format!("test-{}", resolved.blueprint.id), std::process::id())?;
    let image = (resolved.base.as_str(), ImageChoice::Base);
    let wanted = Request {
        parameters: subject.parameters.clone(),
        name: Some(name.clone()),
        ssh_keys: vec![guest::ssh::login_key(&app.settings.paths.state)?.public],
        user_data: subject.user_data.clone(),
        ..Request::plain(resolved.blueprint.clone(), resolved.bundle.clone(), image, request.timeout)
    };
    let created = engine::create(&mut ctx, wanted, observer);
    let result = created.and_then(|created| {
        observer.begin(Stage::Ports);
        check_ports(&ctx, &created, &resolved.blueprint).inspect_err(|_| observer.fail())
    });
    observer.finish();
    view.image = image::get(&app.images()?, &resolved.base)?.map(|i| i.digest);
    view.booted = true;
    let keep = request.keep && result.is_err();
    view.error = result.err();
    remove(&mut ctx, &name, keep, observer, view)
}

/// What listens has to be listed under `ports`, or be on localhost.
fn check_ports(ctx: &Ctx, created: &Created, blueprint: &Blueprint) -> Result<()> {
    let (Some(address), Some(host_key)) = (created.record.address, ctx.store.host_key(created.record.uuid)?) else {
        return Ok(());
    };
    let (name, user) = (created.record.name.to_string(), blueprint.user.clone());
    let login = guest::ssh::Login { name, address, user, host_key };
    ports::check(&ctx.settings.paths.state, &login, &blueprint.ports, &*ctx.clock)
}

/// Removes the virtual machine, unless it is kept for a look.
fn remove(ctx: &mut Ctx, name: &Name, keep: bool, observer: &mut dyn Observer, view: &mut TestView) -> Result<()> {
    let Ok(instance) = ctx.store.require(name) else { return Ok(()) };
    if keep {
        let error = view.error.take();
        view.error = error.map(|e| {
            e.hint(
                Hint::from("it is kept: ")
                    .run_with(Verb::Ssh, &[&name])
                    .text("; to remove it: ")
                    .run_with(Verb::Delete, &[&name]),
            )
        });
        return Ok(());
    }
    if let Some(error) = &mut view.error {
        // Said of an instance that stays; this one goes.
        error.hints.retain(|h| h.actions().all(|a| !a.arguments.iter().any(|argument| argument == name.as_str())));
        error.hints.push("with `--keep` the virtual machine stays for a look".into());
    }
    observer.begin(Stage::Remove);
    let removed = engine::delete(ctx, &instance).inspect_err(|_| observer.fail());
    observer.finish();
    removed.map(drop)
}
