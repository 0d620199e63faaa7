//! Typed reading of a located tree: every accessor notes a diagnostic and goes on.

use super::{
    diagnostic::Diagnostics,
    scalar::is_null,
    tree::{Key, Node, Value},
};
use crate::model::{Result, escaped};

/// A mapping whose keys have been checked.
pub(crate) struct Fields<'a> {
    entries: &'a [(Key, Node)],
    pub(crate) line: usize,
    path: String,
}

impl<'a> Fields<'a> {
    /// The mapping at `path`; keys outside `known` are diagnostics.
    pub(crate) fn of(node: &'a Node, path: &str, known: &[&str], diagnostics: &mut Diagnostics) -> Option<Self> {
        let fields = Self::any(node, path, diagnostics)?;
        for (key, _) in fields.entries.iter().filter(|(k, _)| !known.contains(&k.text.as_str())) {
            diagnostics.unknown(
                key.line,
                &fields.at(&key.text),
                "unknown key".to_owned(),
                &key.text,
                known.iter().copied(),
            );
        }
        Some(fields)
    }

    /// The mapping at `path`, with any keys.
    pub(crate) fn any(node: &'a Node, path: &str, diagnostics: &mut Diagnostics) -> Option<Self> {
        match &node.value {
            Value::Map(entries) => Some(Self { entries, line: node.line, path: path.to_owned() }),
            _ => {
                diagnostics.add(node.line, path, "must be a mapping (`key: value`)");
                None
            }
        }
    }

    /// The path of a key of this mapping.
    pub(crate) fn at(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'a Node> {
        self.entries.iter().find(|(k, _)| k.text == key).map(|(_, node)| node)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &'a (Key, Node)> {
        self.entries.iter()
    }

    pub(crate) fn need(&self, key: &str, diagnostics: &mut Diagnostics) -> Option<&'a Node> {
        let found = self.get(key);
        if found.is_none() {
            diagnostics.add(self.line, &self.at(key), "is missing");
        }
        found
    }

    /// A value that a model type parses.
    pub(crate) fn parsed<T>(
        &self,
        key: &str,
        diagnostics: &mut Diagnostics,
        parse: impl Fn(&str) -> Result<T>,
    ) -> Option<T> {
        let node = self.need(key, diagnostics)?;
        parsed(node, &self.at(key), diagnostics, parse)
    }

    pub(crate) fn text(&self, key: &str, diagnostics: &mut Diagnostics) -> Option<String> {
        let node = self.need(key, diagnostics)?;
        text(node, &self.at(key), diagnostics).map(str::to_owned)
    }

    pub(crate) fn optional_text(&self, key: &str, diagnostics: &mut Diagnostics) -> Option<String> {
        text(self.get(key)?, &self.at(key), diagnostics).map(str::to_owned)
    }

    /// A whole number in a range.
    pub(crate) fn number(
        &self,
        key: &str,
        range: std::ops::RangeInclusive<u32>,
        diagnostics: &mut Diagnostics,
    ) -> Option<u32> {
        let node = self.need(key, diagnostics)?;
        let path = self.at(key);
        let said = text(node, &path, diagnostics)?;
        let number = if said.bytes().all(|b| b.is_ascii_digit()) { said.parse().ok() } else { None };
        let number = number.filter(|n| range.contains(n));
        if number.is_none() {
            let (low, high) = (range.start(), range.end());
            diagnostics.add(
                node.line,
                &path,
                format!("`{}` is not a whole number from {low} to {high}", escaped(said)),
            );
        }
        number
    }

    /// A number as [`Fields::number`] has it, or a default.
    pub(crate) fn number_or(
        &self,
        key: &str,
        range: std::ops::RangeInclusive<u32>,
        default: u32,
        diagnostics: &mut Diagnostics,
    ) -> Option<u32> {
        if self.get(key).is_some() { self.number(key, range, diagnostics) } else { Some(default) }
    }

    /// One word of a fixed set.
    pub(crate) fn word<'w>(&self, key: &str, words: &[&'w str], diagnostics: &mut Diagnostics) -> Option<&'w str> {
        let node = self.need(key, diagnostics)?;
        let path = self.at(key);
        let said = text(node, &path, diagnostics)?;
        let found = words.iter().copied().find(|w| *w == said);
        if found.is_none() {
            let message = format!("`{}` is not one of {}", escaped(said), words.join(", "));
            diagnostics.unknown(node.line, &path, message, said, words.iter().copied());
        }
        found
    }

    /// The items of a list; none where the key is absent.
    pub(crate) fn list(&self, key: &str, diagnostics: &mut Diagnostics) -> &'a [Node] {
        match self.get(key).map(|n| (&n.value, n.line)) {
            None => &[],
            Some((Value::List(items), _)) => items,
            Some((_, line)) => {
                diagnostics.add(line, &self.at(key), "must be a list (`[a, b]`)");
                &[]
            }
        }
    }

    /// The named entries of a mapping; none where the key is absent.
    pub(crate) fn entries(&self, key: &str, diagnostics: &mut Diagnostics) -> Option<Fields<'a>> {
        Self::any(self.get(key)?, &self.at(key), diagnostics)
    }
}

/// A scalar that is not null.
pub(crate) fn text<'a>(node: &'a Node, path: &str, diagnostics: &mut Diagnostics) -> Option<&'a str> {
    match &node.value {
        Value::Scalar { text, plain } if !(*plain && is_null(text)) => Some(text),
        Value::Scalar { .. } => {
            diagnostics.add(node.line, path, "has no value");
            None
        }
        _ => {
            diagnostics.add(node.line, path, "must be a single value");
            None
        }
    }
}

/// A scalar that a model type parses.
pub(crate) fn parsed<T>(
    node: &Node,
    path: &str,
    diagnostics: &mut Diagnostics,
    parse: impl Fn(&str) -> Result<T>,
) -> Option<T> {
    match parse(text(node, path, diagnostics)?) {
        Ok(value) => Some(value),
        Err(error) => {
            diagnostics.refused(node.line, path, &error);
            None
        }
    }
}
