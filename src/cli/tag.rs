//! `lite tag`.

use super::{Env, common};
use crate::model::{Error, Result, Tag, escaped};

const EXAMPLES: &str = "\
EXAMPLES:
  lite tag shop client=acme live
      Two tags: one with a value, one without
  lite tag shop --remove live
      Take one away
  lite tag shop
      Show its tags";

/// Show, set and remove the tags of an instance
///
/// Tags are labels of yours: `key=value`, or `key` alone. `lite list` and
/// `lite cost` show only what has a tag with --tag. Setting a key again replaces
/// its value.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub instance: common::OneName,
    /// Tags to set
    #[arg(value_name = "KEY=VALUE", value_parser = Tag::parse)]
    pub tags: Vec<Tag>,
    /// The key of a tag to remove; may be repeated
    #[arg(long, value_name = "KEY", value_parser = key)]
    pub remove: Vec<String>,
    #[command(flatten)]
    pub change: common::Change,
}

fn key(text: &str) -> Result<String> {
    match Tag::parse(text) {
        Ok(tag) if !text.contains('=') => Ok(tag.key),
        Ok(tag) => Err(Error::refused("invalid_tag", format!("`{}` is not the key of a tag", escaped(text)))
            .hint(format!("only the key: `--remove {}`", escaped(&tag.key)))),
        Err(error) => Err(error),
    }
}

/// Changes the tags of an instance.
pub fn run(_args: &Args, _env: &mut Env) -> Result<()> {
    Err(common::not_wired("tag"))
}
