//! The names of owned things. They hold the owner's id, so they cannot meet a foreign thing.

use uuid::Uuid;

use crate::model::{Name, Record};

/// What the names of all that is ours begin with, where others have names as well.
const PREFIX: &str = "lite-";

/// Whose a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner<'a> {
    /// The owner's name when the thing was made.
    pub name: &'a Name,
    /// The owner's id.
    pub id: Uuid,
}

impl<'a> Owner<'a> {
    /// An instance as an owner.
    pub fn of(record: &'a Record) -> Self {
        Self { name: record.made_as.as_ref().unwrap_or(&record.name), id: record.uuid }
    }
}

/// Whether a volume of our pool is marked as lite's, be it of a kind that this lite knows or not.
pub fn is_marked(volume: &str) -> bool {
    volume.starts_with(PREFIX)
}

/// `NAME-ID`, with the id as 32 hexadecimal digits.
pub(super) fn stem(owner: Owner<'_>) -> String {
    format!("{}-{}", owner.name, owner.id.simple())
}

/// The id in `NAME-ID`.
pub(super) fn id_in_stem(text: &str) -> Option<Uuid> {
    let (name, id) = text.rsplit_once('-')?;
    Name::parse(name).ok()?;
    Uuid::try_parse(id).ok().filter(|uuid| uuid.simple().to_string() == id)
}

/// The name of a volume, which ends in its kind's suffix.
pub(super) fn volume(owner: Owner<'_>, suffix: &str) -> String {
    format!("{PREFIX}{}{suffix}", stem(owner))
}

/// The id in the name of a volume with this suffix.
pub(super) fn id_in_volume(name: &str, suffix: &str) -> Option<Uuid> {
    id_in_stem(name.strip_prefix(PREFIX)?.strip_suffix(suffix)?)
}

/// The name of a filter: libvirt's filters have no owner, so the id alone makes it ours.
pub(super) fn filter(owner: Owner<'_>) -> String {
    format!("{PREFIX}{}", owner.id)
}

/// The id in the name of a filter.
pub(super) fn id_in_filter(name: &str) -> Option<Uuid> {
    id_of(name.strip_prefix(PREFIX)?)
}

/// An id in the form that lite writes.
pub(super) fn id_of(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|uuid| uuid.to_string() == text)
}
