//! What uses an image, and what is said of it.

use crate::model::{Code, Error, Hint, Result, Verb};

/// Refused where there is a user: each is the name of an instance, or `snapshot NAME`.
///
/// # Errors
/// `image_in_use`.
pub(super) fn refuse(id: &str, mut users: Vec<String>) -> Result<()> {
    users.sort();
    users.dedup();
    if users.is_empty() {
        return Ok(());
    }
    Err(Error::new(Code::ImageInUse, format!("image `{id}` is in use by {}", users.join(", ")))
        .hint(delete_first(&users)))
}

/// The commands that delete what uses an image: instances, and snapshots as `snapshot NAME`.
fn delete_first(users: &[String]) -> Hint {
    let snapshots: Vec<&str> = users.iter().filter_map(|user| user.strip_prefix("snapshot ")).collect();
    let instances: Vec<&str> = users.iter().map(String::as_str).filter(|user| !user.starts_with("snapshot ")).collect();
    let hint = Hint::from("delete what uses it first: ");
    match (instances.is_empty(), snapshots.is_empty()) {
        (_, true) => hint.run_with(Verb::Delete, &[&instances.join(" ")]),
        (true, false) => hint.run_with(Verb::SnapshotDelete, &[&snapshots.join(" ")]),
        (false, false) => hint
            .run_with(Verb::Delete, &[&instances.join(" ")])
            .text(", ")
            .run_with(Verb::SnapshotDelete, &[&snapshots.join(" ")]),
    }
}
