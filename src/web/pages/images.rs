//! `/images`: all of them, and the forms that make more and remove what is out of date; `/images/ID`: one, and its removal.

use std::time::Duration;

use serde::Serialize;

use super::{
    super::{
        fault::{Fault, Faults},
        form::Fields,
        frame::{At, Warnings},
        sheet::{Sheet, Wanted, confirmed},
    },
    instance::unknown_action,
};
use crate::{
    app::{
        Accepted, App, Caller, Right,
        image::{
            self,
            bake::{self, Bake},
            make::{self, Pull},
            prune, remove,
        },
    },
    model::{Code, Error, Result, Unobserved, escaped},
    view::{ImageChoices, ImageRow},
};

/// How long a bake may take: as on the command line.
const BAKING: Duration = Duration::from_secs(30 * 60);

/// All of them.
pub struct All;

/// What it shows.
#[derive(Serialize)]
pub struct AllView {
    images: Vec<Listed>,
    /// What more can be made; none: whoever looks may not.
    choices: Option<ImageChoices>,
}

/// An image with its age in words.
#[derive(Serialize)]
pub struct Listed {
    #[serde(flatten)]
    row: ImageRow,
    days: i64,
}

impl From<ImageRow> for Listed {
    fn from(row: ImageRow) -> Self {
        Self { days: row.age.as_hours() / 24, row }
    }
}

impl Sheet for All {
    const AT: At = At::Images;
    const TEMPLATE: &'static str = "images.html.j2";
    type View = AllView;

    fn title(_: &str) -> String {
        "Images".to_owned()
    }

    fn back(_: &str, _: &Fields) -> String {
        "/images".to_owned()
    }

    fn look(app: &App, caller: &Caller, _: &str, said: &mut Warnings) -> Result<AllView> {
        let images = image::list(app, caller, said)?.into_iter().map(Listed::from).collect();
        let choices = caller.may(Right::Administer).then(|| image::choices(app, caller)).transpose()?;
        Ok(AllView { images, choices })
    }

    fn wanted(_: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
        match fields.text("action") {
            "build" => {
                let id = fields.text("base").to_owned();
                Some(Wanted::change(move |app, caller| make::accept_build(app, caller, &id, &mut Unobserved)))
            }
            "pull" => {
                let id = fields.text("base").to_owned();
                let [digest, url] = ["digest", "url"].map(|field| fields.some(field).map(str::to_owned));
                if url.is_some() && digest.is_none() {
                    let error = Error::new(Code::OneDigest, "what comes from elsewhere needs its digest")
                        .hint("`sha256:` or `sha512:` and its digits");
                    faults.0.push(Fault::at("digest", &error));
                }
                let pull = Pull { ids: vec![id.clone()], digest, url };
                Some(Wanted::change(move |app, caller| make::accept_pull(app, caller, (&id, &pull), &mut Unobserved)))
            }
            "bake" => baked(fields, faults),
            "outdated" => Some(Wanted::tell(|app, caller| {
                let unused = prune::find(app, caller, &mut Unobserved)?.unused();
                Ok(match unused.is_empty() {
                    true => "Nothing would go: what is out of date is in use, or there is none.".to_owned(),
                    false => format!("Would go: {}.", unused.join("; ")),
                })
            })),
            "prune" => Some(Wanted::change(|app, caller| prune::find(app, caller, &mut Unobserved)?.accept_all(app))),
            other => unknown_action(other, faults),
        }
    }
}

/// A bake, with the parameters as they were typed.
fn baked(fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
    let pair = |line: &str| {
        let pair = line.split_once('=').map(|(name, value)| (name.trim().to_owned(), value.to_owned()));
        pair.ok_or_else(|| {
            Error::new(Code::InvalidParameter, format!("`{}` sets nothing", escaped(line)))
                .hint("write `NAME=VALUE`, a line each")
        })
    };
    let lines = fields.lines("set");
    let set = lines.lines().filter(|line| !line.trim().is_empty()).map(pair).collect();
    let parameters = faults.take("set", set)?;
    let request = Bake {
        blueprints: vec![fields.text("blueprint").to_owned()],
        base: fields.some("on").map(str::to_owned),
        parameters,
        keep: false,
        timeout: BAKING,
    };
    Some(Wanted::change(move |app, caller| {
        let mut all = bake::check(app, caller, request, &mut Unobserved)?.accept(app, &mut Unobserved)?;
        // One was asked for.
        Ok(all.pop().map_or_else(|| Accepted::done(()), Accepted::unseen))
    }))
}

/// One.
pub struct One;

/// What it shows.
#[derive(Serialize)]
pub struct OneView {
    one: Listed,
}

impl Sheet for One {
    const AT: At = At::Images;
    const TEMPLATE: &'static str = "image.html.j2";
    type View = OneView;

    fn title(name: &str) -> String {
        name.to_owned()
    }

    fn back(_: &str, _: &Fields) -> String {
        "/images".to_owned()
    }

    fn look(app: &App, caller: &Caller, name: &str, said: &mut Warnings) -> Result<OneView> {
        let one = image::list(app, caller, said)?.into_iter().find(|row| row.id == name);
        let absent = || Error::new(Code::NoSuchImage, format!("there is no image `{}`", escaped(name)));
        one.map(|row| OneView { one: row.into() }).ok_or_else(absent)
    }

    fn wanted(name: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
        if fields.text("action") != "remove" {
            return unknown_action(fields.text("action"), faults);
        }
        confirmed(name, fields, faults);
        let ids = [name.to_owned()];
        Some(Wanted::change(move |app, caller| {
            let mut each = remove::find(app, caller, &ids, &mut Unobserved)?.accept(app);
            each.next().map_or_else(|| Ok(Accepted::done(())), |first| first.map(Accepted::unseen))
        }))
    }
}
