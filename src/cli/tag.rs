//! `lite tag`.

use super::{Env, common};
use crate::{
    app::instance::tag::{self, Retag},
    model::{Code, Error, Result, Tag, escaped},
    ui::print::print_tags,
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
    let (app, name, mut progress) = (env.app()?, &args.instance.name, env.progress());
    if args.tags.is_empty() && args.remove.is_empty() {
        return print_tags(&env.ui, &tag::show(&app, &env.caller(), name, &mut progress)?);
    }
    let request = Retag {
        name: name.clone(),
        set: args.tags.clone(),
        remove: args.remove.clone(),
        wait: args.change.wait,
        dry_run: args.change.dry_run,
    };
    print_tags(&env.ui, &tag::change(&app, &env.caller(), &request, &mut progress)?)
}
