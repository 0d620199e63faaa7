//! `lite blueprints test`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use clap_complete::ArgValueCompleter;

use super::{
    Env, complete, ports, record,
    session::{self, Session},
    values,
};
use crate::{
    catalog::{Blueprint, Bundle, Catalog, How, Resolved, SourceFile, Verified, resolve_params},
    engine::{self, Created, Ctx, ImageChoice, Request},
    guest, image,
    model::{Code, Error, Mac, Name, NetworkMode, Observer, Result, Stage, escaped},
    render::{SeedInput, UserData, parse_user_data, render, render_accounts, render_output},
    ui::{ProgressPrinter, print::print_tests},
    view::{StageTime, TestView},
};

/// What `lite blueprints test` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ids of blueprints, or files of your own
    #[arg(value_name = "BLUEPRINT|FILE", required = true, add = ArgValueCompleter::new(complete::blueprints))]
    blueprints: Vec<String>,
    /// The operating system to test on [default: the blueprint's first]
    #[arg(long, value_name = "IMAGE", add = ArgValueCompleter::new(complete::bases))]
    base: Option<String>,
    /// Size of the virtual machine [default: exactly the minimum the blueprint states]
    #[arg(long, add = ArgValueCompleter::new(complete::bundles))]
    bundle: Option<String>,
    /// Set a parameter of the blueprint; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = values::assignment)]
    set: Vec<values::Assignment>,
    /// A `#cloud-config` or `#!` file, run after the blueprint's own parts
    #[arg(long, value_name = "FILE")]
    user_data: Option<PathBuf>,
    /// How long the application may take until it answers, at most 24h
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = values::duration)]
    timeout: Duration,
    /// Check and render only, and boot nothing
    #[arg(long, conflicts_with_all = ["bundle", "keep", "user_data"])]
    render_only: bool,
    /// Leave the virtual machine where the test failed
    #[arg(long)]
    keep: bool,
    /// Write the result into this file too, such as a checkout's blueprints/verified.yaml
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// Tests one blueprint after the other. Failed if one of them failed.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let settings = env.settings()?;
    let sources = session::sources(&settings)?;
    args.record.as_deref().map_or(Ok(()), record::readable)?;
    // What is asked for is judged before the first minutes are spent.
    let mut found = Vec::new();
    for named in &args.blueprints {
        let (catalog, id) = catalog_of(named, &sources)?;
        found.push((ask(args, &catalog, &id)?, catalog));
    }
    let views = until_interrupted(&found, |(asked, catalog)| {
        env.ui.status(&format!("{} on {}", asked.resolved.blueprint.id, asked.resolved.base));
        one(args, env, asked, catalog)
    })?;
    let failed: Vec<&str> = views.iter().filter(|v| v.error.is_some()).map(|v| v.blueprint.as_str()).collect();
    let error = match failed.as_slice() {
        [] => None,
        ids => Some(Error::new(Code::BlueprintFailed, format!("the test of `{}` failed", ids.join("`, `")))),
    };
    print_tests(&env.ui, &views)?;
    error.map_or(Ok(()), Err)
}

/// The results of all, or of those up to a Ctrl-C: that is meant for the whole command.
fn until_interrupted<T>(all: &[T], mut test: impl FnMut(&T) -> Result<TestView>) -> Result<Vec<TestView>> {
    let mut views = Vec::new();
    for one in all {
        let view = test(one)?;
        let interrupted = view.error.as_ref().is_some_and(|e| e.code == Code::Interrupted);
        views.push(view);
        if interrupted {
            break;
        }
    }
    Ok(views)
}

/// What is tested: the blueprint on a base, with a size and values.
struct Asked {
    resolved: Resolved,
    parameters: BTreeMap<String, String>,
    user_data: Option<UserData>,
}

/// The result of one test.
fn one(args: &Args, env: &Env, asked: &Asked, catalog: &Catalog) -> Result<TestView> {
    let mut watch = ProgressPrinter::new(&env.ui);
    watch.begin(Stage::Render);
    render_all(catalog, asked)?;
    watch.finish();
    let blueprint = &asked.resolved.blueprint;
    let mut view = TestView {
        blueprint: blueprint.id.clone(),
        version: blueprint.version.clone(),
        base: asked.resolved.base.clone(),
        booted: false,
        image: None,
        stages: Vec::new(),
        error: None,
    };
    if !args.render_only {
        boot(args, env, asked, &mut watch, &mut view)?;
    }
    view.stages = StageTime::all(&watch.times());
    if let Some(error) = &view.error {
        env.ui.fault(error);
    } else {
        let date = jiff::tz::Offset::UTC.to_datetime((env.clock)()).date();
        let verified = Verified {
            blueprint: blueprint.id.clone(),
            version: blueprint.version.clone(),
            base: view.base.clone(),
            how: if view.booted { How::Boot } else { How::Render },
            date,
            image: view.image.clone(),
            seconds: view.booted.then(|| view.seconds()),
            parts: blueprint.parts_digest(),
        };
        record::own(&env.settings()?, &verified, &env.ui);
        args.record.as_deref().map_or(Ok(()), |file| record::add(file, &verified))?;
    }
    Ok(view)
}

/// The catalog with the file named, and the id to test.
fn catalog_of(named: &str, sources: &[SourceFile]) -> Result<(Catalog, String)> {
    let file = Path::new(named);
    let is_file = [".yaml", ".yml"].iter().any(|end| named.ends_with(end)) || named.contains('/');
    if !is_file {
        let catalog = Catalog::load(sources)?;
        let id = catalog.blueprint(named)?.id.clone();
        return Ok((catalog, id));
    }
    let text = SourceFile::from_bytes(named, session::read_limited(file, 4 << 20)?)?;
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut beside = Vec::new();
    // What lies beside it and cannot be read is only a fault if the file names it.
    let _ = session::gather(folder, "", &mut beside);
    beside.retain(|s| !s.name.ends_with(".yaml") && !s.name.ends_with(".yml"));
    let before = Catalog::load(sources)?;
    let all: Vec<SourceFile> = sources.iter().cloned().chain(beside).chain([text]).collect();
    let catalog = Catalog::load(&all)?;
    let ours = |b: &&Blueprint| before.blueprints.get(&b.id) != Some(*b);
    match catalog.blueprints.values().find(ours).map(|b| b.id.clone()) {
        Some(id) => Ok((catalog, id)),
        None => Err(Error::new(Code::NothingToTest, format!("`{}` holds no blueprint of its own", escaped(named)))
            .hint("it is the same as one that is known: name that one")),
    }
}

fn ask(args: &Args, catalog: &Catalog, id: &str) -> Result<Asked> {
    let mut catalog = catalog.clone();
    let least = minimum(catalog.blueprint(id)?, &catalog)?;
    let bundle = args.bundle.clone().unwrap_or_else(|| least.id.clone());
    catalog.bundles.push(least);
    let resolved = catalog.resolve(id, &bundle, args.base.as_deref())?;
    let set: Vec<(String, String)> = args.set.iter().map(|a| (a.key.clone(), a.value.clone())).collect();
    let parameters = resolve_params(&resolved.blueprint, &set)?;
    let user_data = match &args.user_data {
        None => None,
        Some(file) => Some(parse_user_data(&session::read_limited(file, 1 << 20)?)?),
    };
    Ok(Asked { resolved, parameters, user_data })
}

/// A bundle of exactly the stated minimum, so that a test proves it, and reserves no more.
fn minimum(blueprint: &Blueprint, catalog: &Catalog) -> Result<Bundle> {
    let like = catalog.smallest_bundle(blueprint).or(catalog.bundles.first());
    let like = like.ok_or_else(|| Error::new(Code::UnknownBundle, "there is no bundle").hint("add one"))?;
    Ok(Bundle { id: "minimum".into(), memory: blueprint.min_memory, disk: blueprint.min_disk, ..like.clone() })
}

/// Renders everything that a create would, on every base.
fn render_all(catalog: &Catalog, asked: &Asked) -> Result<()> {
    let name = Name::parse("test-1")?;
    let host_key = guest::keys::new_host_key()?;
    for base in &asked.resolved.blueprint.bases {
        let mut blueprint = asked.resolved.blueprint.clone();
        if let Some(base) = catalog.blueprints.get(base) {
            blueprint.user.clone_from(&base.user);
        }
        let secrets = blueprint.secrets.iter().map(|s| (s.name.clone(), guest::keys::new_secret(s))).collect();
        render(&SeedInput {
            blueprint: &blueprint,
            name: &name,
            uuid: uuid::Uuid::nil(),
            mac: Mac::ours([0, 0, 1]),
            address: None,
            params: &asked.parameters,
            secrets: &secrets,
            ssh_keys: std::slice::from_ref(&host_key.public),
            host_key: &host_key,
            user_data: asked.user_data.as_ref(),
            seal: false,
        })?;
        render_output(&blueprint, &name, "192.0.2.1", &asked.parameters)?;
        render_accounts(&blueprint, &name, "192.0.2.1", &asked.parameters)?;
    }
    Ok(())
}

/// Boots it in a virtual machine of its own, waits for the health check, looks what listens, and removes it.
fn boot(args: &Args, env: &Env, asked: &Asked, watch: &mut ProgressPrinter, view: &mut TestView) -> Result<()> {
    let session = Session::open(env)?;
    session.heed_interrupts()?;
    let mut engine = session.engine(env, false)?;
    let settings = &session.settings;
    let name = Name::parse(&format!("test-{}-{}", asked.resolved.blueprint.id.replace('.', "-"), std::process::id()))?;
    let request = Request {
        blueprint: asked.resolved.blueprint.clone(),
        bundle: asked.resolved.bundle.clone(),
        base: asked.resolved.base.clone(),
        image: ImageChoice::Base,
        parameters: asked.parameters.clone(),
        name: Some(name.clone()),
        ssh_keys: vec![guest::ssh::login_key(&settings.paths.state)?.public],
        user_data: asked.user_data.clone(),
        tags: Vec::new(),
        network: NetworkMode::Nat,
        timeout: args.timeout,
        wait: true,
        request_id: None,
        arguments: String::new(),
    };
    let created = engine::create(&mut engine, request, watch);
    let result = created.and_then(|created| {
        watch.begin(Stage::Ports);
        look(&engine, &session, &created, asked).inspect_err(|_| watch.fail())
    });
    watch.finish();
    view.image = image::get(&settings.host.folders.pool, &asked.resolved.base)?.map(|i| i.digest);
    view.booted = true;
    let keep = args.keep && result.is_err();
    view.error = result.err();
    remove(&mut engine, &name, keep, watch, view)
}

/// What listens has to be listed under `ports`, or be on localhost.
fn look(engine: &Ctx, session: &Session, created: &Created, asked: &Asked) -> Result<()> {
    let blueprint = &asked.resolved.blueprint;
    let (Some(address), Some(host_key)) = (created.record.address, engine.store.host_key(created.record.uuid)?) else {
        return Ok(());
    };
    let login =
        guest::ssh::Login { name: created.record.name.as_str(), address, user: &blueprint.user, host_key: &host_key };
    ports::check(&session.settings.paths.state, &login, &blueprint.ports)
}

/// Removes the virtual machine, unless it is kept for a look.
fn remove(engine: &mut Ctx, name: &Name, keep: bool, watch: &mut ProgressPrinter, view: &mut TestView) -> Result<()> {
    let Ok(instance) = engine.store.require(name) else { return Ok(()) };
    if keep {
        let error = view.error.take();
        view.error =
            error.map(|e| e.hint(format!("it is kept: `lite ssh {name}`; to remove it: `lite delete {name}`")));
        return Ok(());
    }
    if let Some(error) = &mut view.error {
        // Said of an instance that stays; this one goes.
        error.hints.retain(|h| !h.contains(name.as_str()));
        error.hints.push("with `--keep` the virtual machine stays for a look".to_owned());
    }
    watch.begin(Stage::Remove);
    let removed = engine::delete(engine, &instance).inspect_err(|_| watch.fail());
    watch.finish();
    removed.map(drop)
}

#[cfg(test)]
mod tests {
    use super::{TestView, until_interrupted};
    use crate::model::{Code, Error};

    #[test]
    fn a_failed_test_is_not_the_last_and_an_interrupted_one_is() {
        let view = |code: &Option<Code>| {
            Ok(TestView {
                blueprint: code.map_or("fine", Code::as_str).to_owned(),
                version: "1".to_owned(),
                base: "debian-13".to_owned(),
                booted: true,
                image: None,
                stages: Vec::new(),
                error: code.map(|code| Error::new(code, "x")),
            })
        };
        let views = until_interrupted(&[None, Some(Code::SetupFailed), Some(Code::Interrupted), None], view).unwrap();
        let tried: Vec<&str> = views.iter().map(|v| v.blueprint.as_str()).collect();
        assert_eq!(tried, ["fine", "setup_failed", "interrupted"]);
    }
}
