//! The catalog from its files: the embedded ones, then the operator's over them.

use include_dir::{Dir, include_dir};

use super::{
    blueprint, bundles,
    diagnostic::{Diagnostic, Diagnostics},
    tree,
    types::{Blueprint, Bundle, Catalog},
    verified::read_verified,
};
use crate::model::{Code, Error, Hint, Result, Verb, escaped};

/// Its place among the blueprints; see [`super::Verified`].
const VERIFIED: &str = "verified.yaml";

static BLUEPRINTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/blueprints");
static SCRIPTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/cloud-init");

/// A file of an operator's folder, as the edge read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Path below the folder, such as `wiki.yaml` or `wiki/install.sh`.
    pub name: String,
    /// Its content.
    pub text: String,
}

impl SourceFile {
    /// A source from bytes.
    ///
    /// # Errors
    /// Refused when the bytes are not UTF-8 text.
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Self> {
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self { name: name.to_owned(), text }),
            Err(_) => Err(Error::new(Code::InvalidBlueprint, format!("{}: this is not a text file", escaped(name)))
                .hint("a blueprint is a YAML file in UTF-8")),
        }
    }

    fn is_data(&self) -> bool {
        [".yaml", ".yml"].iter().any(|end| self.name.ends_with(end))
    }
}

/// What one data file holds.
enum Parsed {
    Bundles(Vec<Bundle>),
    Blueprint(Option<Box<Blueprint>>),
}

impl Catalog {
    /// The embedded catalog alone.
    ///
    /// # Errors
    /// Only if this build holds a faulty data file.
    pub fn embedded() -> Result<Self> {
        Self::load(&[])
    }

    /// The embedded catalog with the operator's files over it: a bundle or blueprint replaces the one with its id. Files that
    /// are not YAML are scripts that blueprints name by path.
    ///
    /// # Errors
    /// Refused with every diagnostic of every file as a cause.
    pub fn load(sources: &[SourceFile]) -> Result<Self> {
        let mut catalog = Self::default();
        let mut diagnostics = Vec::new();
        let embedded = BLUEPRINTS.files().filter_map(|f| Some((f.path().to_str()?, f.contents_utf8()?)));
        let own = sources.iter().filter(|s| s.is_data()).map(|s| (s.name.as_str(), s.text.as_str()));
        for (name, text) in embedded.chain(own) {
            if name == VERIFIED {
                catalog.verified.extend(read_verified(name, text)?);
                continue;
            }
            let (parsed, found) = read(name, text, sources);
            diagnostics.extend(found.iter().map(Diagnostic::to_string));
            match parsed {
                Some(Parsed::Bundles(bundles)) => bundles.into_iter().for_each(|b| catalog.put_bundle(b)),
                Some(Parsed::Blueprint(Some(blueprint))) => {
                    catalog.blueprints.insert(blueprint.id.clone(), *blueprint);
                }
                _ => {}
            }
        }
        if diagnostics.is_empty() {
            diagnostics.extend(catalog.fill_users());
            diagnostics.extend(catalog.one_currency());
        }
        if diagnostics.is_empty() { Ok(catalog) } else { Err(refused(diagnostics)) }
    }

    fn put_bundle(&mut self, bundle: Bundle) {
        match self.bundles.iter_mut().find(|b| b.id == bundle.id) {
            Some(old) => *old = bundle,
            None => self.bundles.push(bundle),
        }
    }

    /// Gives an application without an account its default base's.
    fn fill_users(&mut self) -> Vec<String> {
        let missing: Vec<String> =
            self.blueprints.values().filter(|b| b.user.is_empty()).map(|b| b.id.clone()).collect();
        let mut diagnostics = Vec::new();
        for id in missing {
            let base = self.blueprints[&id].bases.first().cloned().unwrap_or_default();
            match self.blueprints.get(&base).map(|b| b.user.clone()).filter(|u| !u.is_empty()) {
                Some(user) => {
                    if let Some(blueprint) = self.blueprints.get_mut(&id) {
                        blueprint.user = user;
                    }
                }
                None => diagnostics.push(format!(
                    "blueprint `{id}`: user: is missing, and its base `{base}` is no blueprint that has one"
                )),
            }
        }
        diagnostics
    }

    /// A catalog has one currency, or `lite list` could not add up.
    fn one_currency(&self) -> Option<String> {
        let first = self.bundles.first()?;
        let other = self.bundles.iter().find(|b| b.currency != first.currency)?;
        Some(format!(
            "bundles `{}` and `{}` have different currencies, {} and {}; a file with another currency has to state all bundles",
            first.id, other.id, first.currency, other.currency
        ))
    }
}

fn refused(diagnostics: Vec<String>) -> Error {
    let count = if diagnostics.len() == 1 { "a fault".to_owned() } else { format!("{} faults", diagnostics.len()) };
    let error = Error::new(Code::InvalidBlueprint, format!("the blueprint files have {count}"));
    diagnostics
        .into_iter()
        .fold(error, Error::cause)
        .hint(Hint::from("correct them; ").run_with(Verb::BlueprintsCheck, &[&"FILE"]).text(" checks one file"))
}

/// Every diagnostic of one data file, in the order of its lines; empty when it is good. Scripts it names must be embedded ones.
pub fn check(file_name: &str, text: &str) -> Vec<Diagnostic> {
    check_with(file_name, text, &[])
}

/// As [`check`], with the files next to it, for the scripts it names.
pub fn check_with(file_name: &str, text: &str, beside: &[SourceFile]) -> Vec<Diagnostic> {
    read(file_name, text, beside).1
}

/// A file of the embedded `cloud-init/` folder.
pub(crate) fn embedded_script(name: &str) -> Option<&'static str> {
    SCRIPTS.get_file(name).and_then(|f| f.contents_utf8())
}

fn read(name: &str, text: &str, sources: &[SourceFile]) -> (Option<Parsed>, Vec<Diagnostic>) {
    let mut diagnostics = Diagnostics::new(name);
    let Some(root) = tree::parse(text, &mut diagnostics) else { return (None, diagnostics.sorted()) };
    let script = |wanted: &str| {
        let own = sources.iter().rev().find(|s| s.name == wanted && !s.is_data()).map(|s| s.text.clone());
        own.or_else(|| embedded_script(wanted).map(str::to_owned))
    };
    let file = name.rsplit('/').next().unwrap_or(name);
    let parsed = if matches!(file, "bundles.yaml" | "bundles.yml") {
        Parsed::Bundles(bundles::read(&root, &mut diagnostics))
    } else {
        Parsed::Blueprint(blueprint::read(&root, &script, &mut diagnostics).map(Box::new))
    };
    (Some(parsed), diagnostics.sorted())
}
