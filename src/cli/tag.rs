//! `lite tag`.

use super::{Env, common, session::Session};
use crate::{
    engine,
    model::{Code, Error, Result, Tag, escaped},
    ui::print::print_tags,
    view::TagsView,
};

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
        Ok(tag) => Err(Error::new(Code::InvalidTag, format!("`{}` is not the key of a tag", escaped(text)))
            .hint(format!("only the key: `--remove {}`", escaped(&tag.key)))),
        Err(error) => Err(error),
    }
}

/// Shows the tags of an instance, or changes them.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let session = Session::open(env)?;
    let mut engine = session.engine(env, args.change.wait)?;
    let instance = engine.store.require(&args.instance.name)?;
    let mut tags = instance.record.tags.clone();
    for key in &args.remove {
        if !tags.iter().any(|t| t.key == *key) {
            return Err(Error::new(
                Code::NoSuchTag,
                format!("instance `{}` has no tag `{}`", args.instance.name, escaped(key)),
            )
            .hint(format!("`lite tag {}` shows its tags", args.instance.name)));
        }
        tags.retain(|t| t.key != *key);
    }
    for tag in &args.tags {
        tags.retain(|t| t.key != tag.key);
        tags.push(tag.clone());
    }
    tags.sort();
    if !args.change.dry_run && tags != instance.record.tags {
        engine::set_tags(&mut engine, &instance, tags.clone())?;
    }
    print_tags(&env.ui, &TagsView { name: args.instance.name.to_string(), tags })
}
