//! The catalog from its files: the embedded ones, then the operator's over them.

use include_dir::{Dir, include_dir};

use super::{
    blueprint, bundles,
    diagnostic::{Diagnostic, Diagnostics},
    scripts::{self, InlineScript},
    tree,
    types::{Blueprint, Bundle, Catalog},
    verified::read_verified,
};
use crate::model::{Code, Currency, Error, Hint, Money, Result, StoragePrices, Verb, escaped};

/// The name of the file of bundles, without its ending.
const BUNDLES: &str = "bundles";

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
    /// Why it cannot be used; none: it can.
    pub fault: Option<String>,
}

impl SourceFile {
    /// A source from bytes.
    ///
    /// # Errors
    /// Refused when the bytes are not UTF-8 text.
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Self> {
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self { name: name.to_owned(), text, fault: None }),
            Err(_) => Err(Error::new(Code::InvalidBlueprint, format!("{}: this is not a text file", escaped(name)))
                .hint("a blueprint is a YAML file in UTF-8")),
        }
    }

    /// A file that is there and cannot be used, such as a link: whoever names it learns why.
    pub fn refused(name: &str, fault: &str) -> Self {
        Self { name: name.to_owned(), text: String::new(), fault: Some(fault.to_owned()) }
    }

    fn is_data(&self) -> bool {
        [".yaml", ".yml"].iter().any(|end| self.name.ends_with(end))
    }
}

/// What one data file holds.
enum Parsed {
    Bundles(Vec<Bundle>),
    Blueprint(Option<Box<Blueprint>>, Vec<InlineScript>),
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
        let mut catalog = Self::gather(sources)?;
        if catalog.spoiled.is_empty() {
            catalog.fill_users();
        }
        let diagnostics: Vec<String> = catalog.spoiled.values().flatten().cloned().collect();
        if diagnostics.is_empty() { Ok(catalog) } else { Err(refused(diagnostics)) }
    }

    /// As [`Catalog::load`], but a faulty file spoils its own blueprint alone: who asks for that one learns why.
    ///
    /// # Errors
    /// Refused where the faults are those of bundles.
    pub fn load_usable(sources: &[SourceFile]) -> Result<Self> {
        let mut catalog = Self::gather(sources)?;
        catalog.fill_users();
        match catalog.spoiled.remove(BUNDLES) {
            Some(diagnostics) => Err(refused(diagnostics)),
            None => Ok(catalog),
        }
    }

    /// Takes an own blueprint away for faults that were found in it, as one is whose file has them.
    pub fn refuse(&mut self, id: &str, faults: &[Diagnostic]) {
        self.blueprints.remove(id);
        self.own.remove(id);
        self.spoil(id.to_owned(), faults.iter().map(Diagnostic::to_string).collect());
    }

    /// Reads every file; what is wrong is kept in `spoiled`.
    fn gather(sources: &[SourceFile]) -> Result<Self> {
        let mut catalog = Self::default();
        let embedded = BLUEPRINTS.files().filter_map(|f| Some((f.path().to_str()?, f.contents_utf8()?)));
        for (name, text) in embedded {
            catalog.put(name, text, sources)?;
        }
        for source in sources.iter().filter(|s| s.is_data()) {
            match &source.fault {
                None => {
                    let id = catalog.put(&source.name, &source.text, sources)?;
                    catalog.own.extend(id);
                }
                Some(fault) => catalog.spoil(stem(&source.name), vec![format!("{}: {fault}", escaped(&source.name))]),
            }
        }
        if let Some(fault) = catalog.one_currency() {
            catalog.spoil(BUNDLES.to_owned(), vec![fault]);
        }
        let Self { blueprints, spoiled, .. } = &mut catalog;
        blueprints.retain(|id, _| !spoiled.contains_key(id));
        Ok(catalog)
    }

    /// Reads a file; gives the id of a good blueprint.
    fn put(&mut self, name: &str, text: &str, sources: &[SourceFile]) -> Result<Option<String>> {
        if name == VERIFIED {
            self.verified.extend(read_verified(name, text)?);
            return Ok(None);
        }
        let (parsed, found) = read(name, text, sources);
        if !found.is_empty() {
            let id = said_id(text).filter(|_| stem(name) != BUNDLES).unwrap_or_else(|| stem(name));
            self.spoil(id, found.iter().map(Diagnostic::to_string).collect());
        }
        match parsed {
            Some(Parsed::Bundles(bundles)) => bundles.into_iter().for_each(|b| self.put_bundle(b)),
            Some(Parsed::Blueprint(Some(blueprint), inline)) => {
                let id = blueprint.id.clone();
                self.inline.insert(id.clone(), inline);
                self.blueprints.insert(id.clone(), *blueprint);
                return Ok(Some(id));
            }
            _ => {}
        }
        Ok(None)
    }

    fn spoil(&mut self, id: String, diagnostics: Vec<String>) {
        self.spoiled.entry(id).or_default().extend(diagnostics);
    }

    fn put_bundle(&mut self, bundle: Bundle) {
        match self.bundles.iter_mut().find(|b| b.id == bundle.id) {
            Some(old) => *old = bundle,
            None => self.bundles.push(bundle),
        }
    }

    /// Gives an application without an account its default base's; one whose base has none is spoiled.
    fn fill_users(&mut self) {
        let missing: Vec<String> =
            self.blueprints.values().filter(|b| b.user.is_empty()).map(|b| b.id.clone()).collect();
        for id in missing {
            let base = self.blueprints[&id].bases.first().cloned().unwrap_or_default();
            let user = self.blueprints.get(&base).map(|b| b.user.clone()).filter(|u| !u.is_empty());
            match (user, self.blueprints.get_mut(&id)) {
                (Some(user), Some(blueprint)) => blueprint.user = user,
                _ => {
                    let why = format!("user: is missing, and its base `{base}` is no blueprint that has one");
                    self.spoil(id.clone(), vec![format!("blueprint `{id}`: {why}")]);
                    self.blueprints.remove(&id);
                }
            }
        }
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

/// What storage costs: as the last of the files says that says it, or nothing.
///
/// # Errors
/// Refused with every diagnostic of a file that says it wrong.
pub fn storage_prices(sources: &[SourceFile]) -> Result<StoragePrices> {
    let is_bundles = |name: &str| matches!(name.rsplit('/').next(), Some("bundles.yaml" | "bundles.yml"));
    let embedded = BLUEPRINTS.files().filter_map(|f| Some((f.path().to_str()?, f.contents_utf8()?)));
    let own = sources.iter().filter(|s| s.fault.is_none()).map(|s| (s.name.as_str(), s.text.as_str()));
    let mut prices =
        StoragePrices { disk: Money::default(), snapshot: Money::default(), currency: Currency::parse("USD")? };
    for (name, text) in embedded.chain(own).filter(|(name, _)| is_bundles(name)) {
        let mut diagnostics = Diagnostics::new(name);
        let root = tree::parse(text, tree::Dialect::Plain, &mut diagnostics);
        let said = root.and_then(|root| bundles::read_storage(&root, &mut diagnostics));
        let faults = diagnostics.sorted();
        if !faults.is_empty() {
            return Err(refused(faults.iter().map(Diagnostic::to_string).collect()));
        }
        prices = said.unwrap_or(prices);
    }
    Ok(prices)
}

/// The id of a blueprint whose file has faults, if the file says one.
fn said_id(text: &str) -> Option<String> {
    let root = tree::parse(text, tree::Dialect::Plain, &mut Diagnostics::new(""))?;
    match &root.get("id")?.value {
        tree::Value::Scalar { text, .. } => Some(text.clone()),
        _ => None,
    }
}

/// The name of a data file without its folder and ending.
fn stem(name: &str) -> String {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.rsplit_once('.').map_or(file, |(stem, _)| stem).to_owned()
}

pub(super) fn refused(diagnostics: Vec<String>) -> Error {
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
    let Some(root) = tree::parse(text, tree::Dialect::Plain, &mut diagnostics) else {
        return (None, diagnostics.sorted());
    };
    let script = |wanted: &str| {
        // Parts that come along are what they say, whatever lies beside a blueprint.
        let common = wanted.starts_with("common/").then(|| embedded_script(wanted)).flatten();
        let own = sources.iter().rev().find(|s| s.name == wanted && !s.is_data());
        match (common, own) {
            (Some(text), _) => Some(Ok(text.to_owned())),
            (None, Some(SourceFile { fault: Some(fault), .. })) => Some(Err(fault.clone())),
            (None, Some(own)) => Some(Ok(own.text.clone())),
            (None, None) => embedded_script(wanted).map(|text| Ok(text.to_owned())),
        }
    };
    let file = name.rsplit('/').next().unwrap_or(name);
    let parsed = if matches!(file, "bundles.yaml" | "bundles.yml") {
        Parsed::Bundles(bundles::read(&root, &mut diagnostics))
    } else {
        let blueprint = blueprint::read(&root, &script, &mut diagnostics).map(Box::new);
        Parsed::Blueprint(blueprint, scripts::inline(name, &root))
    };
    (Some(parsed), diagnostics.sorted())
}
