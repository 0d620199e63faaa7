//! `lite image`.

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use clap_complete::ArgValueCompleter;

use super::{
    Env, common, complete,
    image_bake::{self, Bake},
    image_make::{build, create_folder, heed_interrupts},
    session,
};
use crate::{
    image::{self, Image, pull::PullRequest},
    model::{Code, Error, Name, Observer, Result, Settings, Size},
    store::Store,
    ui::{ProgressPrinter, print::print_images},
    view::{BakedView, ImageRow},
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
    Bake(Bake),
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
        #[arg(long, value_parser = Name::parse)]
        name: Option<Name>,
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
    let settings = env.settings()?;
    let dir = settings.host.folders.pool.as_path();
    tidy(env, &settings)?;
    match &args.verb {
        Verb::List {} => print_images(&env.ui, &rows(&settings, &image::list(dir)?, (env.clock)())?),
        Verb::Build(bases) => {
            each(env, bases, "built", |id, settings, cancel, observer| build(settings, id, cancel, observer))
        }
        Verb::Pull { bases, digest, url } => {
            if bases.ids.len() > 1 && digest.is_some() {
                return Err(
                    Error::new(Code::OneDigest, "a digest belongs to one image").hint("pull one image at a time")
                );
            }
            each(env, bases, "pulled", |id, settings, cancel, observer| {
                let request = PullRequest {
                    digest: digest.clone(),
                    url: url.clone(),
                    ..PullRequest::new(&settings.host.folders.pool, id)
                };
                image::fetch(&request, cancel, (env.clock)(), observer)
            })
        }
        Verb::Bake(args) => image_bake::bake(args, env),
        Verb::Prune { dry_run, sure } => image_bake::prune(env, &settings, *dry_run, *sure),
        Verb::Import { file, name, dry_run } => bring(env, &settings, file, name.as_ref(), *dry_run),
        Verb::Remove { images, sure } => remove(env, &settings, images, *sure),
    }
}

/// Removes what a killed image operation left, and says so.
fn tidy(env: &Env, settings: &Settings) -> Result<()> {
    let state = &settings.paths.state;
    let store = Store::exists(state)?.then(|| Store::open(state)).transpose()?;
    // Without a database the host is asked whether one is lost: its instances may lie on any file.
    let used = |volume: &str| match &store {
        Some(store) => Ok(!store.users_of_image(volume)?.is_empty()),
        None => Ok(session::store(env).is_err()),
    };
    image::leftovers::tidy(&settings.host.folders.pool, &used)?.iter().for_each(|line| env.ui.status(line));
    Ok(())
}

/// The rows of images, with who uses them as far as a database tells; an image needs neither libvirt nor database.
pub(super) fn rows(settings: &Settings, images: &[Image], now: jiff::Timestamp) -> Result<Vec<ImageRow>> {
    let state = &settings.paths.state;
    let store = Store::exists(state)?.then(|| Store::open(state)).transpose()?;
    // Faults in the operator's files are told by what uses them.
    let catalog = session::catalog(settings).unwrap_or_default();
    let baked = |baked: &image::Baked| {
        Ok(BakedView {
            blueprint: baked.blueprint.clone(),
            version: baked.version.clone(),
            base: baked.base.clone(),
            parameters: baked.parameters.clone(),
            current: image_bake::is_current(&catalog, settings, baked)?,
        })
    };
    images
        .iter()
        .map(|i| {
            Ok(ImageRow {
                id: i.id.clone(),
                origin: i.origin.to_string(),
                size: Size::bytes(i.size),
                digest: i.digest.clone(),
                used_by: used_by(store.as_ref(), &i.volume)?,
                created_at: i.created_at,
                age: now.duration_since(i.created_at),
                baked: i.baked.as_ref().map(&baked).transpose()?,
            })
        })
        .collect()
}

/// The instances whose disks lie on a file of the pool.
pub(super) fn used_by(store: Option<&Store>, volume: &str) -> Result<Vec<String>> {
    store.map_or(Ok(Vec::new()), |s| s.users_of_image(volume))
}

/// Builds or pulls each image, with its stages shown, and prints the rows.
fn each(
    env: &Env,
    bases: &Bases,
    done: &str,
    make: impl Fn(&str, &Settings, &AtomicBool, &mut dyn Observer) -> Result<Image>,
) -> Result<()> {
    let settings = env.settings()?;
    if bases.dry_run {
        return bases.ids.iter().try_for_each(|id| env.ui.data(&format!("image `{id}` would be {done}\n")));
    }
    let cancel = heed_interrupts()?;
    create_folder(&settings)?;
    let mut images = Vec::new();
    for id in &bases.ids {
        let mut progress = ProgressPrinter::new(&env.ui);
        let made = make(id, &settings, &cancel, &mut progress);
        images.push(made.inspect_err(|_| progress.fail())?);
        progress.finish();
    }
    print_images(&env.ui, &rows(&settings, &images, (env.clock)())?)
}

fn bring(env: &Env, settings: &Settings, file: &Path, name: Option<&Name>, dry_run: bool) -> Result<()> {
    let id = match name {
        Some(name) => name.to_string(),
        None => file.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_ascii_lowercase(),
    };
    Name::parse(&id).map_err(|e| e.hint("name the image: `--name NAME`"))?;
    if dry_run {
        return env.ui.data(&format!("`{}` would be imported as image `{id}`\n", file.display()));
    }
    let cancel = heed_interrupts()?;
    create_folder(settings)?;
    let mut progress = ProgressPrinter::new(&env.ui);
    let image = image::import(&settings.host.folders.pool, file, &id, false, &cancel, &mut progress)?;
    progress.finish();
    print_images(&env.ui, &rows(settings, &[image], (env.clock)())?)
}

fn remove(env: &Env, settings: &Settings, images: &Bases, sure: common::Sure) -> Result<()> {
    let dir = &settings.host.folders.pool;
    let mut found = Vec::new();
    for id in &images.ids {
        let image = image::get(dir, id)?.ok_or_else(|| {
            Error::new(Code::NoSuchImage, format!("there is no image `{}`", crate::model::escaped(id)))
                .hint("`lite image list` shows those there are")
        })?;
        found.push(image);
    }
    // A lost database must not make an image look unused.
    session::store(env)?;
    let rows = rows(settings, &found, (env.clock)())?;
    if let Some(used) = rows.iter().find(|r| !r.used_by.is_empty()) {
        return Err(Error::new(
            Code::ImageInUse,
            format!("image `{}` is in use by {}", used.id, used.used_by.join(", ")),
        )
        .hint(format!("delete what uses it first: `lite delete {}`", used.used_by.join(" "))));
    }
    if images.dry_run {
        return found.iter().try_for_each(|i| env.ui.data(&format!("image `{}` would be removed\n", i.id)));
    }
    sure.ask(&env.ui, &format!("remove {} images?", found.len()))?;
    for image in found {
        image::remove(dir, &image.id, &[])?;
        env.ui.data(&format!("removed image `{}`\n", image.id))?;
    }
    Ok(())
}
