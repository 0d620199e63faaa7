//! `lite create`.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use clap_complete::ArgValueCompleter;
use sha2::{Digest, Sha256};

use super::{
    Env, common, complete, image_bake,
    session::{self, Session},
    values,
};
use crate::{
    catalog::{Resolved, resolve_params},
    engine::{self, Created, ImageChoice, Request},
    guest,
    image::{self, Image},
    model::{Code, Error, InstanceState, Name, NetworkMode, Result, Settings, Tag, escaped, hex},
    render::{UserData, parse_user_data},
    ui::{
        ProgressPrinter,
        print::{print_created, print_plan},
    },
    view::{CreatedView, ImageUsed, PlanView, ShownSecret, StageTime},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite create nginx
      A web server, named `nginx-1`, with the smallest bundle that fits
  lite create nginx --bundle small --name shop --tag client=acme
      Two GiB of memory, a name and a tag of your own
  lite create debian-13 --ssh-key ~/.ssh/id_ed25519.pub --user-data setup.sh
      A plain Debian with your key, and your own script at its first boot
  lite create nginx --dry-run
      Show what would be made and what it costs, and make nothing
  lite create nginx --json | jq -r .instance.address
      The address, for a script";

/// Make an instance: a virtual machine with a working application
///
/// Makes a virtual machine from a blueprint and a bundle, and waits until its
/// application really answers. Each stage is shown with its time; at the end come
/// the address, the URL and what is needed to log in. If a stage fails it says
/// which and why; what was made before the machine existed is undone, after that
/// the instance is kept as `failed` for its logs (`lite logs NAME --boot`). An
/// image that `lite image bake` made of the same parts is taken by itself.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// What runs in it; `lite blueprints` lists them
    #[arg(add = ArgValueCompleter::new(complete::blueprints))]
    pub blueprint: String,
    /// Size and price [default: the smallest that fits the blueprint]
    #[arg(long, add = ArgValueCompleter::new(complete::bundles))]
    pub bundle: Option<String>,
    /// Its name [default: the blueprint's and the first free number]
    #[arg(long, value_parser = Name::parse)]
    pub name: Option<Name>,
    /// The operating system below an application [default: the blueprint's]
    #[arg(long, value_name = "IMAGE", add = ArgValueCompleter::new(complete::bases))]
    pub base: Option<String>,
    /// Set a parameter of the blueprint; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = values::assignment)]
    pub set: Vec<values::Assignment>,
    /// A file with a public SSH key that may log in; may be repeated
    #[arg(long = "ssh-key", value_name = "FILE")]
    pub ssh_keys: Vec<PathBuf>,
    /// A `#cloud-config` or `#!` file, run after the blueprint's own parts
    #[arg(long, value_name = "FILE")]
    pub user_data: Option<PathBuf>,
    /// A label of yours; may be repeated
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = Tag::parse)]
    pub tags: Vec<Tag>,
    /// `nat`, or `bridge:NAME` for a place on your own network
    #[arg(long, default_value = "nat", value_parser = NetworkMode::parse)]
    pub network: NetworkMode,
    /// How long the application may take until it answers, at most 24h
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = values::duration)]
    pub timeout: Duration,
    /// Return once the machine runs, before its application answers
    #[arg(long)]
    pub no_wait: bool,
    /// Install at first boot even where a baked image is there
    #[arg(long)]
    pub no_baked: bool,
    /// Your own id of this request: asked twice, made once
    #[arg(long, value_name = "ID", value_parser = values::request_id)]
    pub request_id: Option<String>,
    #[command(flatten)]
    pub change: common::Change,
}

/// Largest user-data read: more is refused by its parser with the right words.
const MAX_USER_DATA: u64 = 1 << 20;

/// What was asked for, checked against the catalog and read from its files.
struct Asked {
    resolved: Resolved,
    parameters: BTreeMap<String, String>,
    ssh_keys: Vec<String>,
    user_data: Option<UserData>,
    digest: String,
    /// The base where none is asked for.
    default_base: Option<String>,
}

/// Makes an instance; the stages go to [`crate::ui::Stages`], the end to [`crate::ui::print::print_created`].
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let settings = env.settings()?;
    let mut asked = check(args, &settings)?;
    if args.change.dry_run {
        return plan(args, env, &asked);
    }
    let session = Session::open(env)?;
    session.heed_interrupts()?;
    session::fit(&session, &settings)?;
    let mut engine = session.engine(env, args.change.wait)?;
    asked.ssh_keys.push(guest::ssh::login_key(&settings.paths.state)?.public);
    let request = Request {
        blueprint: asked.resolved.blueprint.clone(),
        bundle: asked.resolved.bundle.clone(),
        base: asked.resolved.base.clone(),
        image: if args.no_baked { ImageChoice::Base } else { ImageChoice::Baked },
        parameters: asked.parameters.clone(),
        name: args.name.clone(),
        ssh_keys: asked.ssh_keys,
        user_data: asked.user_data,
        tags: args.tags.clone(),
        network: args.network.clone(),
        timeout: args.timeout,
        wait: !args.no_wait,
        request_id: args.request_id.clone(),
        arguments: asked.digest,
    };
    let mut watch = ProgressPrinter::new(&env.ui);
    let resolved = &asked.resolved;
    let created = engine::create(&mut engine, request, &mut watch)?;
    let used = image_of(&settings, &created)?;
    if !created.repeated && !args.no_baked && used.as_ref().is_some_and(|i| i.baked.is_none()) {
        let faster = image_bake::advice(asked.default_base.as_ref(), resolved, &asked.parameters);
        faster.into_iter().for_each(|c| env.ui.hint(&format!("the next one is faster from a baked image: `{c}`")));
    }
    print(env, created, &watch, used)
}

/// The image that the disk of a new instance lies on; none if it was replaced since.
fn image_of(settings: &Settings, created: &Created) -> Result<Option<Image>> {
    let images = image::list(&settings.host.folders.pool)?;
    Ok(images.into_iter().find(|i| i.digest == created.record.image_digest))
}

fn print(env: &Env, created: Created, watch: &ProgressPrinter, used: Option<Image>) -> Result<()> {
    let record = created.record;
    if created.repeated {
        env.ui.status("this request was made before; its instance is shown");
    }
    print_created(
        &env.ui,
        &CreatedView {
            name: record.name.to_string(),
            uuid: record.uuid,
            state: InstanceState::Running,
            ready: created.ready,
            blueprint: record.blueprint,
            bundle: record.bundle,
            outputs: created.output,
            address: record.address,
            price: record.price,
            currency: record.currency,
            secrets: created
                .secrets
                .into_iter()
                .map(|s| ShownSecret { label: s.name, user: s.account, value: s.value })
                .collect(),
            operation: created.operation,
            image: ImageUsed {
                baked: used.as_ref().is_some_and(|i| i.baked.is_some()),
                id: used.map(|i| i.id),
                digest: record.image_digest,
            },
            stages: StageTime::all(&watch.times()),
        },
    )
}

/// Checks everything that can be checked without the host.
fn check(args: &Args, settings: &Settings) -> Result<Asked> {
    let catalog = session::catalog(settings)?;
    let blueprint = catalog.blueprint(&args.blueprint)?;
    let bundle = match &args.bundle {
        Some(bundle) => bundle.clone(),
        None => catalog.smallest_bundle(blueprint).map(|b| b.id.clone()).unwrap_or_default(),
    };
    let resolved = catalog.resolve(&args.blueprint, &bundle, args.base.as_deref())?;
    let set: Vec<(String, String)> = args.set.iter().map(|a| (a.key.clone(), a.value.clone())).collect();
    let parameters = resolve_params(&resolved.blueprint, &set)?;
    let mut tags = args.tags.clone();
    tags.sort();
    if let Some(twice) = tags.windows(2).find(|w| w[0].key == w[1].key) {
        return Err(Error::new(Code::InvalidTag, format!("the tag `{}` is given twice", escaped(&twice[0].key)))
            .hint("give each key once"));
    }
    let mut digest = Sha256::new();
    digest.update(format!("{args:?}"));
    let mut ssh_keys = Vec::new();
    for file in &args.ssh_keys {
        let bytes = session::read_limited(file, 64 << 10)?;
        digest.update(&bytes);
        let shown = file.display();
        let text = String::from_utf8(bytes).map_err(|_| {
            Error::new(Code::InvalidSshKey, format!("`{shown}` is not text")).hint("give a `.pub` file")
        })?;
        ssh_keys.push(guest::keys::parse_public_key(&text).map_err(|mut e| {
            e.message = format!("`{shown}`: {}", e.message);
            e
        })?);
    }
    let user_data = match &args.user_data {
        None => None,
        Some(file) => {
            let bytes = session::read_limited(file, MAX_USER_DATA)?;
            digest.update(&bytes);
            Some(parse_user_data(&bytes).map_err(|mut e| {
                e.message = format!("`{}`: {}", file.display(), e.message);
                e
            })?)
        }
    };
    let digest = hex(&digest.finalize());
    let default_base = blueprint.bases.first().cloned();
    Ok(Asked { resolved, parameters, ssh_keys, user_data, digest, default_base })
}

/// `--dry-run`: what would be made and what it costs.
fn plan(args: &Args, env: &Env, asked: &Asked) -> Result<()> {
    let (blueprint, bundle) = (&asked.resolved.blueprint, &asked.resolved.bundle);
    let fact = |label: &str, value: String| (label.to_owned(), value);
    let name = args.name.as_ref().map_or_else(|| format!("{}-N, the first free number", blueprint.id), Name::to_string);
    let ports: Vec<String> = blueprint.ports.iter().map(ToString::to_string).collect();
    let mut facts = vec![
        fact("name", name),
        fact("blueprint", blueprint.id.clone()),
        fact("base", asked.resolved.base.clone()),
        fact(
            "bundle",
            format!("{}: {} vCPUs, {} of memory, {} of disk", bundle.id, bundle.vcpus, bundle.memory, bundle.disk),
        ),
        fact("price", format!("{} {}/month", bundle.price, bundle.currency)),
        fact("ports", ports.join(", ")),
    ];
    facts.extend(asked.parameters.iter().map(|(k, v)| fact(&format!("set {k}"), v.clone())));
    let steps = ["network filter", "address", "root disk", "seed", "virtual machine", "start"];
    let mut steps: Vec<String> = steps.map(str::to_owned).to_vec();
    if !args.no_wait {
        steps.push(format!("wait until the application answers, at most {} s", args.timeout.as_secs()));
    }
    print_plan(&env.ui, &PlanView { facts, steps })
}
