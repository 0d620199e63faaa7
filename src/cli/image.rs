//! `lite image`.

use std::{path::PathBuf, time::Duration};

use clap_complete::ArgValueCompleter;

use super::{Env, common, complete, signals, values};
use crate::{
    app::{
        App,
        image::{
            self,
            bake::{self, Bake},
            make::{self, Import, Pull},
            prune, remove, warm,
        },
    },
    model::Result,
    ui::print::{
        print_delete_receipt, print_images, print_import_plan, print_planned, print_plans, print_removed,
        print_removed_one,
    },
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite image list
      The images on this host, and who uses them
  lite image build debian-13
      Make one from Debian's signed packages
  lite image pull ubuntu-24.04
      Download the distribution's own";

const LIST: &str = "\
EXAMPLES:
  lite image list
      The images on this host, and who uses them";

const PULL: &str = "\
EXAMPLES:
  lite image pull ubuntu-24.04
      Download it; a download that was cut off goes on";

const BUILD: &str = "\
EXAMPLES:
  lite image build debian-13
      Make it here, in about a minute
  LITE_MIRROR=http://mirror.example/debian lite image build debian-12
      From a mirror of your own";

const IMPORT: &str = "\
EXAMPLES:
  lite image import disk.qcow2
      Under the name of its file: `disk`
  lite image import disk.qcow2 --name golden
      Under a name of your own";

const WARM: &str = "\
EXAMPLES:
  lite image warm nginx
      Its instances of the smallest bundle are there in seconds from now on
  lite image warm wordpress --bundle small
      Of another bundle";

const BAKE: &str = "\
EXAMPLES:
  lite image bake nginx
      On its default base; `lite create nginx` then installs nothing
  lite image bake nginx --base debian-12
      On another base
  lite image bake mine --keep
      If it fails, keep the machine: `lite logs`, `lite ssh`";

const PRUNE: &str = "\
EXAMPLES:
  lite image prune --dry-run
      What would go
  lite image prune --yes
      Remove it without asking";

const REMOVE: &str = "\
EXAMPLES:
  lite image remove debian-12
      Ask, then remove it
  lite image remove golden --yes
      Without asking";

/// Manage the images that instances are made from
///
/// Base images are the disks that instances start from. `build` and `pull` bring
/// those of the distributions, `import` your own. Nothing unverified boots. `bake`
/// installs a blueprint once, so that its instances need not.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES, subcommand_required = true)]
pub struct Args {
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do with images.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List the images on this host
    ///
    /// Lists the images with their origin, size and digest, and the instances
    /// whose disks lie on them.
    #[command(verbatim_doc_comment, after_help = LIST)]
    List {},
    /// Download a distribution's own image
    ///
    /// Downloads by HTTPS, goes on where a download was cut off, and keeps the
    /// image only if its digest is the one pinned or signed by the distribution.
    #[command(verbatim_doc_comment, after_help = PULL)]
    Pull {
        #[command(flatten)]
        bases: Bases,
        /// Accept the image with this digest, `sha256:…` or `sha512:…`
        #[arg(long, value_name = "DIGEST")]
        digest: Option<String>,
        /// Download from here instead; needs --digest
        #[arg(long, value_name = "URL", requires = "digest")]
        url: Option<String>,
    },
    /// Make an image from a distribution's signed packages
    ///
    /// Makes an image on this host with mmdebstrap, guest agent included. Needs a
    /// package mirror and no image download.
    #[command(verbatim_doc_comment, after_help = BUILD)]
    Build(Bases),
    /// Install blueprints once, for faster creates
    ///
    /// Runs the install part of a blueprint in a virtual machine of its own, takes
    /// off its disk what belongs to one machine (machine id, keys, logs, caches), and
    /// keeps the disk as an image. `lite create` takes it by itself as long as
    /// blueprint and base are the same. Nothing but the image stays.
    #[command(verbatim_doc_comment, after_help = BAKE)]
    Bake(BakeArgs),
    /// Keep a machine warm: new instances go on from its memory
    ///
    /// Boots a virtual machine of a baked image, which nobody reaches and which has no
    /// password, and saves its memory. Each `lite create` of this blueprint and size
    /// goes on from there, as a machine of its own, in place of booting: seconds. One
    /// that is not baked yet is baked first.
    #[command(verbatim_doc_comment, after_help = WARM)]
    Warm(WarmArgs),
    /// Remove images that are out of date
    ///
    /// Removes baked images that today's blueprint or base would make otherwise, and
    /// older versions of images. One that an instance uses stays, and is named.
    #[command(verbatim_doc_comment, after_help = PRUNE)]
    Prune {
        /// Say what would be done, and change nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        sure: common::Sure,
    },
    /// Bring an image of your own
    ///
    /// Checks the header of a qcow2 file before any tool opens it, and copies it. A file that refers to other files is refused.
    #[command(verbatim_doc_comment, after_help = IMPORT)]
    Import {
        /// A qcow2 file
        file: PathBuf,
        /// Its name here [default: that of the file]
        #[arg(long)]
        name: Option<String>,
        /// Say what would be done, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Remove images
    ///
    /// Removes images after asking. One that the disk of an instance lies on is
    /// refused, and the instance is named.
    #[command(verbatim_doc_comment, after_help = REMOVE)]
    Remove {
        #[command(flatten)]
        images: Bases,
        #[command(flatten)]
        sure: common::Sure,
    },
}

/// What to bake.
#[derive(Debug, clap::Args)]
pub struct BakeArgs {
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

/// What to keep warm.
#[derive(Debug, clap::Args)]
pub struct WarmArgs {
    /// Ids of blueprints, such as `nginx`
    #[arg(value_name = "BLUEPRINT", required = true, add = ArgValueCompleter::new(complete::blueprints))]
    pub blueprints: Vec<String>,
    /// The size of the instances [default: the smallest that fits]
    #[arg(long, value_name = "BUNDLE", add = ArgValueCompleter::new(complete::bundles))]
    pub bundle: Option<String>,
    /// The operating system below [default: the blueprint's]
    #[arg(long, value_name = "IMAGE", add = ArgValueCompleter::new(complete::bases))]
    pub base: Option<String>,
    /// How long one may take, at most 24h
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = values::duration)]
    pub timeout: Duration,
}

/// Images by their ids.
#[derive(Debug, clap::Args)]
pub struct Bases {
    /// Ids of images, such as `debian-13`
    #[arg(value_name = "IMAGE", required = true, add = ArgValueCompleter::new(complete::bases))]
    pub ids: Vec<String>,
    /// Say what would be done, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Lists with [`crate::ui::print::print_images`]; builds and downloads show [`crate::ui::Stages`].
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let (app, caller, mut progress, ui) = (env.app()?, env.caller(), env.progress(), &env.ui);
    match &args.verb {
        Verb::List {} => print_images(ui, &image::list(&app, &caller, &mut env.progress())?),
        Verb::Build(Bases { ids, dry_run: true }) => {
            print_planned(ui, &make::plan_build(&app, &caller, ids, &mut progress)?)
        }
        Verb::Build(Bases { ids, .. }) => {
            signals::heed(&app.cancel)?;
            print_images(ui, &make::build(&app, &caller, ids, &mut progress)?)
        }
        Verb::Pull { bases, digest, url } => {
            let pull = Pull { ids: bases.ids.clone(), digest: digest.clone(), url: url.clone() };
            if bases.dry_run {
                return print_planned(ui, &make::plan_pull(&app, &caller, &pull, &mut progress)?);
            }
            signals::heed(&app.cancel)?;
            print_images(ui, &make::pull(&app, &caller, &pull, &mut progress)?)
        }
        Verb::Import { file, name, dry_run } => {
            let import = Import { file: file.clone(), name: name.clone() };
            if *dry_run {
                return print_import_plan(ui, file, &make::plan_import(&app, &caller, &import, &mut progress)?);
            }
            signals::heed(&app.cancel)?;
            print_images(ui, &make::import(&app, &caller, &import, &mut progress)?)
        }
        Verb::Bake(args) => bake(args, env, &app),
        Verb::Warm(args) => {
            let request = warm::Warm {
                blueprints: args.blueprints.clone(),
                bundle: args.bundle.clone(),
                base: args.base.clone(),
                timeout: args.timeout,
            };
            signals::heed(&app.cancel)?;
            print_images(ui, &warm::run(&app, &caller, &request, &mut progress)?)
        }
        Verb::Prune { dry_run, sure } => prune(env, &app, *dry_run, *sure),
        Verb::Remove { images, sure } => remove(env, &app, images, *sure),
    }
}

/// Bakes each blueprint in turn and prints the rows of the images.
fn bake(args: &BakeArgs, env: &Env, app: &App) -> Result<()> {
    let request = Bake {
        blueprints: args.blueprints.clone(),
        base: args.base.clone(),
        parameters: values::pairs(&args.set),
        keep: args.keep,
        timeout: args.timeout,
    };
    let mut progress = env.progress();
    let checked = bake::check(app, &env.caller(), request, &mut progress)?;
    if args.dry_run {
        return print_plans(&env.ui, &checked.plans());
    }
    signals::heed(&app.cancel)?;
    print_images(&env.ui, &checked.run(app, &mut progress)?)
}

/// Removes images that are out of date and that no instance uses.
fn prune(env: &Env, app: &App, dry_run: bool, sure: common::Sure) -> Result<()> {
    let found = prune::find(app, &env.caller(), &mut env.progress())?;
    if dry_run {
        return print_delete_receipt(&env.ui, &found.plan(), true);
    }
    let unused = found.unused();
    if !unused.is_empty() {
        unused.iter().for_each(|old| env.ui.status(&format!("no instance uses {old}")));
        sure.ask(&env.ui, &format!("remove {} images?", unused.len()))?;
    }
    print_delete_receipt(&env.ui, &found.run(app)?, false)
}

/// Removes images.
fn remove(env: &Env, app: &App, images: &Bases, sure: common::Sure) -> Result<()> {
    let found = remove::find(app, &env.caller(), &images.ids, &mut env.progress())?;
    if images.dry_run {
        return print_planned(&env.ui, &found.plan());
    }
    sure.ask(&env.ui, &format!("remove {} images?", found.count()))?;
    let removed = found.run(app, &mut |id| print_removed_one(&env.ui, id))?;
    print_removed(&env.ui, &removed)
}
