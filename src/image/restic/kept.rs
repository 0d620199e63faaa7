//! What a repository says that it keeps. It may have been changed by others: nothing of it is believed that has not its form.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use crate::model::{Code, Error, Result};

/// What lite wrote beside what is kept: words of its own, by key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tags(BTreeMap<String, String>);

impl Tags {
    /// The tag of all that lite keeps.
    pub(super) const MARK: &str = "lite-1";

    /// Adds a word.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.0.insert(key.to_owned(), value.to_string());
        self
    }

    /// A word.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// As restic takes them. No word has a comma: they are names, ids, digests and times.
    pub(super) fn text(&self) -> String {
        let all = self.0.iter().map(|(key, value)| format!("{key}={value}"));
        std::iter::once(Self::MARK.to_owned()).chain(all).collect::<Vec<_>>().join(",")
    }

    fn of(tags: &[String]) -> Self {
        Self(tags.iter().filter_map(|tag| tag.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect())
    }
}

/// Something that is kept, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What restic calls it.
    pub(super) id: String,
    /// When it was kept.
    pub at: Timestamp,
    /// What lite wrote beside it.
    pub tags: Tags,
}

/// What restic tells of one.
#[derive(Deserialize)]
struct Listed {
    id: String,
    time: Timestamp,
    #[serde(default)]
    tags: Vec<String>,
}

/// Reads what restic tells of all, the oldest first.
pub(super) fn read(answer: &[u8]) -> Result<Vec<Kept>> {
    let damaged =
        |why: String| Error::new(Code::RemoteDamaged, "the repository tells what lite cannot read").cause(why);
    let told: Option<Vec<Listed>> = serde_json::from_slice(answer).map_err(|e| damaged(e.to_string()))?;
    let is_id = |id: &str| id.len() == 64 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let mut all = Vec::new();
    for Listed { id, time, tags } in told.unwrap_or_default() {
        if !is_id(&id) {
            return Err(damaged("an id is none".to_owned()));
        }
        all.push(Kept { id, at: time, tags: Tags::of(&tags) });
    }
    all.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_as_they_were_written() {
        let tags = Tags::default().with("kind", "disk").with("id", 7);
        assert_eq!(tags.text(), "lite-1,id=7,kind=disk");
        let read = Tags::of(&tags.text().split(',').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!((read.get("kind"), read.get("lite-1"), &read), (Some("disk"), None, &tags));
    }

    #[test]
    fn what_has_not_its_form_is_not_believed() {
        let id = "a".repeat(64);
        let one =
            |id: &str| format!(r#"[{{"id":"{id}","time":"2026-11-27T22:56:21.156000907Z","tags":["lite-1","a=b"]}}]"#);
        let all = read(one(&id).as_bytes()).expect("read");
        assert_eq!((all.len(), all[0].tags.get("a")), (1, Some("b")));
        assert_eq!(read(b"null"), Ok(vec![]));
        for text in ["", "{}", "[{}]", &one("--help"), &one(&"A".repeat(64)), &one(&id)[1..]] {
            assert_eq!(read(text.as_bytes()).map_err(|e| e.code), Err(Code::RemoteDamaged), "{text}");
        }
    }
}
