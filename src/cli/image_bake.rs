//! `lite image bake` and `prune`, and which baked image a create takes.

use std::{collections::BTreeMap, time::Duration};

use clap_complete::ArgValueCompleter;

use super::{
    Env, common, complete,
    image::{rows, used_by},
    session::{self, Session},
    values,
};
use crate::{
    catalog::{Blueprint, Catalog, Resolved, resolve_params},
    engine::{self, BakeRequest, bake_of, check_bakeable},
    guest,
    image::{self, Baked, Image, Version},
    model::{Result, Settings, Size},
    ui::{
        ProgressPrinter,
        print::{print_delete_receipt, print_images, print_plan},
    },
    view::{PlanView, Receipt},
};

/// What to bake.
#[derive(Debug, clap::Args)]
pub struct Bake {
    /// Ids of blueprints, such as `nginx`
    #[arg(value_name = "BLUEPRINT", required = true, add = ArgValueCompleter::new(complete::blueprints))]
    pub blueprints: Vec<String>,
    /// The operating system below [default: the blueprint's]
    #[arg(long, value_name = "IMAGE", add = ArgValueCompleter::new(complete::bases))]
    pub base: Option<String>,
    /// Set a parameter that the install part reads; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = values::assignment)]
    pub set: Vec<values::Assignment>,
    /// Keep the virtual machine for a look if baking fails
    #[arg(long)]
    pub keep: bool,
    /// How long one may take, at most 24h
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = values::duration)]
    pub timeout: Duration,
    /// Say what would be done, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Bakes each blueprint in turn and prints the rows of the images.
pub fn bake(args: &Bake, env: &Env) -> Result<()> {
    let settings = env.settings()?;
    let catalog = session::catalog(&settings)?;
    let set: Vec<(String, String)> = args.set.iter().map(|a| (a.key.clone(), a.value.clone())).collect();
    let mut asked = Vec::new();
    for id in &args.blueprints {
        let blueprint = catalog.blueprint(id)?;
        check_bakeable(blueprint)?;
        let bundle = catalog.smallest_bundle(blueprint).map(|b| b.id.clone()).unwrap_or_default();
        let resolved = catalog.resolve(id, &bundle, args.base.as_deref())?;
        let parameters = resolve_params(&resolved.blueprint, &set)?;
        asked.push((resolved, parameters));
    }
    if args.dry_run {
        return asked.iter().try_for_each(|(resolved, _)| plan(env, resolved, args));
    }
    let session = Session::open(env)?;
    session.heed_interrupts()?;
    session::fit(&session, &settings)?;
    let mut images = Vec::new();
    for (resolved, parameters) in &asked {
        let mut engine = session.engine(env, false)?;
        let mut watch = ProgressPrinter::new(&env.ui);
        let base = engine::ensure_image(&engine, &resolved.base, &mut watch)?;
        let request = BakeRequest {
            blueprint: resolved.blueprint.clone(),
            bundle: resolved.bundle.clone(),
            base,
            parameters: parameters.clone(),
            ssh_keys: vec![guest::ssh::login_key(&settings.paths.state)?.public],
            timeout: args.timeout,
            keep: args.keep,
        };
        let outcome = engine::bake(&mut engine, request, &mut watch)?;
        if outcome.present {
            env.ui.status(&format!("`{}` is baked already, from what there is now", resolved.blueprint.id));
        }
        images.push(outcome.image);
    }
    print_images(&env.ui, &rows(&settings, &images, (env.clock)())?)
}

fn plan(env: &Env, resolved: &Resolved, args: &Bake) -> Result<()> {
    let fact = |label: &str, value: &str| (label.to_owned(), value.to_owned());
    let blueprint = &resolved.blueprint;
    let facts = vec![
        fact("blueprint", &format!("{} {}", blueprint.id, blueprint.version)),
        fact("base", &resolved.base),
        fact("machine", &format!("{} vCPUs, {} of memory", resolved.bundle.vcpus, resolved.bundle.memory)),
    ];
    let steps = [
        "virtual machine for this alone".to_owned(),
        format!("install part and sealing, at most {} s", args.timeout.as_secs()),
        "compressed image".to_owned(),
        "virtual machine removed".to_owned(),
    ];
    print_plan(&env.ui, &PlanView { facts, steps: steps.to_vec() })
}

/// The command that makes the next create of a blueprint faster; none where it cannot be baked.
pub fn advice(
    catalog_default: Option<&String>,
    resolved: &Resolved,
    parameters: &BTreeMap<String, String>,
) -> Option<String> {
    let blueprint = &resolved.blueprint;
    let baked = bake_of(blueprint, &resolved.base, "", parameters).ok().flatten()?;
    let base = match catalog_default == Some(&resolved.base) {
        true => String::new(),
        false => format!(" --base {}", resolved.base),
    };
    let differs = |(name, value): &(&String, &String)| {
        blueprint.parameters.iter().any(|p| p.name == **name && p.default.as_ref() != Some(*value))
    };
    let set: String = baked.parameters.iter().filter(differs).map(|(k, _)| format!(" --set {k}=…")).collect();
    Some(format!("lite image bake {}{base}{set}", blueprint.id))
}

/// Whether a baked image is what would be baked today.
pub fn is_current(catalog: &Catalog, settings: &Settings, baked: &Baked) -> Result<bool> {
    let Some(blueprint): Option<&Blueprint> = catalog.blueprints.get(&baked.blueprint) else { return Ok(false) };
    if !blueprint.bases.contains(&baked.base) {
        return Ok(false);
    }
    let Some(base) = image::get(&settings.host.folders.pool, &baked.base)? else { return Ok(false) };
    let today = bake_of(blueprint, &baked.base, &base.digest, &baked.parameters)?;
    Ok(today.is_some_and(|today| today.key == baked.key))
}

/// Something that `prune` looks at.
enum Old {
    Baked(Box<Image>),
    Version(Version),
}

impl Old {
    fn volume(&self) -> &str {
        match self {
            Self::Baked(image) => &image.volume,
            Self::Version(version) => &version.volume,
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Baked(image) => format!("baked image `{}` ({})", image.id, Size::bytes(image.size).about()),
            Self::Version(v) => {
                format!("older version `{}` of image `{}` ({})", v.volume, v.id, Size::bytes(v.size).about())
            }
        }
    }

    fn remove(&self, settings: &Settings) -> Result<bool> {
        let dir = &settings.host.folders.pool;
        match self {
            Self::Baked(image) => image::remove(dir, &image.id, &[]).map(|_| true),
            Self::Version(version) => image::remove_version(dir, version),
        }
    }
}

/// Removes baked images and older versions that are not current and that no instance uses.
pub fn prune(env: &Env, settings: &Settings, dry_run: bool, sure: common::Sure) -> Result<()> {
    // A lost database must not make an image look unused.
    let store = session::store(env)?;
    let catalog = session::catalog(settings)?;
    let dir = &settings.host.folders.pool;
    let mut old: Vec<Old> = image::superseded(dir)?.into_iter().map(Old::Version).collect();
    for image in image::list(dir)? {
        let stays = match &image.baked {
            Some(baked) => is_current(&catalog, settings, baked)?,
            None => true,
        };
        if !stays {
            old.push(Old::Baked(Box::new(image)));
        }
    }
    let (mut goes, mut stayed) = (Vec::new(), Vec::new());
    for old in old {
        match used_by(store.as_ref(), old.volume())? {
            users if users.is_empty() => goes.push(old),
            users => stayed.push(format!("{} (used by {})", old.words(), users.join(", "))),
        }
    }
    if goes.is_empty() && stayed.is_empty() {
        env.ui.status("every image is current");
    }
    if !dry_run && !goes.is_empty() {
        goes.iter().for_each(|old| env.ui.status(&format!("no instance uses {}", old.words())));
        sure.ask(&env.ui, &format!("remove {} images?", goes.len()))?;
    }
    let mut went = Vec::new();
    for old in goes {
        // Asked again just before: a create may have taken it meanwhile.
        if dry_run || used_by(store.as_ref(), old.volume())?.is_empty() && old.remove(settings)? {
            went.push(old.words());
        }
    }
    let receipts = match went.is_empty() && stayed.is_empty() {
        true => vec![],
        false => vec![Receipt { name: "images".to_owned(), went, stayed }],
    };
    print_delete_receipt(&env.ui, &receipts, dry_run)
}
