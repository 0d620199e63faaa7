//! `/instances/NAME/settings`: its tags, its bundle, and the versions of what runs in it.

use std::time::Duration;

use serde::Serialize;

use super::{
    super::{
        fault::Faults,
        form::Fields,
        frame::{At, Warnings},
        sheet::{Sheet, Wanted},
    },
    instance::{self, UNTIL_READY, named, unknown_action},
};
use crate::{
    app::{
        App, Caller, bundle,
        instance::{
            resize::{self, How},
            tag::{self, Retag},
            upgrade::{self, Upgrade},
        },
    },
    model::{Name, Result, Tag, Unobserved},
    view::{BundleRow, Changed},
};

/// How long a guest may take to power off, and an upgrade until the application answers again: as on the command line.
const UNTIL_OFF: Duration = Duration::from_secs(90);
const UNTIL_UPGRADED: Duration = Duration::from_secs(30 * 60);

/// The page.
pub struct Settings;

/// What it shows.
#[derive(Serialize)]
pub struct View {
    name: String,
    bundle: String,
    blueprint: String,
    version: String,
    tags: Vec<OneTag>,
    bundles: Vec<BundleRow>,
}

/// A tag, and whether it is an ordinary one, which may be taken off here.
#[derive(Serialize)]
struct OneTag {
    key: String,
    text: String,
    is_ordinary: bool,
}

impl Sheet for Settings {
    const AT: At = At::Instances;
    const TEMPLATE: &'static str = "settings.html.j2";
    type View = View;

    fn title(name: &str) -> String {
        format!("Settings of {name}")
    }

    fn back(name: &str, fields: &Fields) -> String {
        match Self::is_seen_there(fields) {
            true => format!("/instances/{name}"),
            false => instance::under(name, "settings"),
        }
    }

    /// An upgrade is two: the snapshot of before is an operation of its own.
    fn is_seen_there(fields: &Fields) -> bool {
        fields.text("action") == "upgrade"
    }

    fn look(app: &App, caller: &Caller, name: &str, said: &mut Warnings) -> Result<View> {
        let one = instance::one(app, caller, &named(name)?, said)?;
        let scope = caller.scope().tag().cloned();
        let shown = |tag: Tag| OneTag {
            text: tag.to_string(),
            is_ordinary: !tag.is_reserved() && scope.as_ref() != Some(&tag),
            key: tag.key,
        };
        Ok(View {
            name: name.to_owned(),
            bundle: one.row.bundle,
            blueprint: one.row.blueprint,
            version: one.blueprint_version,
            tags: one.row.tags.into_iter().map(shown).collect(),
            bundles: bundle::list(app, caller, &mut Unobserved)?.0,
        })
    }

    fn wanted(name: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
        let of = faults.take("action", named(name))?;
        match fields.text("action") {
            "tag" => {
                let set = fields.text("tags").split_whitespace().map(Tag::parse).collect::<Result<Vec<_>>>();
                Some(retagged(of, faults.take("tags", set)?, Vec::new()))
            }
            "untag" => Some(retagged(of, Vec::new(), vec![fields.text("key").to_owned()])),
            "resize" => Some(resized(of, fields)),
            "upgrade" => Some(upgraded(of, fields)),
            other => unknown_action(other, faults),
        }
    }
}

fn retagged(name: Name, set: Vec<Tag>, remove: Vec<String>) -> Wanted {
    let request = Retag { name, set, remove, wait: false, dry_run: false };
    Wanted::change(move |app, caller| tag::accept(app, caller, &request, &mut Unobserved))
}

fn resized(name: Name, fields: &Fields) -> Wanted {
    let (bundle, force) = (fields.text("bundle").to_owned(), fields.has("force"));
    if fields.has("plan") {
        return Wanted::tell(move |app, caller| {
            let found = resize::find(app, caller, (&name, &bundle), false, &mut Unobserved)?;
            Ok(match found.plan() {
                None => format!("`{name}` has bundle `{bundle}` already, at today's price"),
                Some(plan) if plan.restarts => format!("{}. It is stopped and started for that.", plan.sentence()),
                Some(plan) => format!("{}.", plan.sentence()),
            })
        });
    }
    let how = How { force, grace: UNTIL_OFF, until_ready: Some(UNTIL_READY) };
    Wanted::change(move |app, caller| {
        resize::find(app, caller, (&name, &bundle), false, &mut Unobserved)?.accept(how, &mut Unobserved)
    })
}

fn upgraded(name: Name, fields: &Fields) -> Wanted {
    let upgrade = Upgrade { name, timeout: UNTIL_UPGRADED, wait: false };
    if fields.has("plan") {
        return Wanted::tell(move |app, caller| {
            let Changed { name, result } = upgrade::find(app, caller, &upgrade, &mut Unobserved)?.plan()?;
            Ok(format!("`{name}` {result}."))
        });
    }
    Wanted::change(move |app, caller| upgrade::find(app, caller, &upgrade, &mut Unobserved)?.accept())
}
