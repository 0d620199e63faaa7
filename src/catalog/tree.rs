//! A YAML document as a tree that knows its lines. Stricter than YAML: no anchors, tags, merge keys or second document,
//! so a file means what it shows, and PyYAML in the guest reads it the same way.

use std::{borrow::Cow, collections::HashMap};

use serde_yaml::granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

use super::diagnostic::Diagnostics;
use crate::model::escaped;

/// Largest data or user-data file read, in bytes.
pub(crate) const MAX_BYTES: usize = 256 * 1024;
/// Deepest nesting of lists and mappings.
pub(crate) const MAX_DEPTH: usize = 16;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Scalar { text: String, plain: bool },
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// A list or mapping that is not closed yet.
struct Open {
    node: Node,
    key: Option<Key>,
    /// Keys so far and their lines.
    seen: HashMap<String, usize>,
}

/// Reads one document. `None` where nothing useful is left; the diagnostics say why.
pub(crate) fn parse(text: &str, diagnostics: &mut Diagnostics) -> Option<Node> {
    if text.len() > MAX_BYTES {
        diagnostics.add(1, "", format!("{} bytes, at most {MAX_BYTES} are allowed", text.len()));
        return None;
    }
    if let Some(at) = text.find(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        diagnostics.add(1 + text[..at].matches('\n').count(), "", "a control character: this is not a text file");
        return None;
    }
    Builder { diagnostics, stack: Vec::new(), root: None, documents: 0 }.run(Parser::new_from_str(text))
}

struct Builder<'f> {
    diagnostics: &'f mut Diagnostics,
    stack: Vec<Open>,
    root: Option<Node>,
    documents: usize,
}

impl Builder<'_> {
    fn run<'a>(mut self, mut parser: Parser<'a, StrInput<'a>>) -> Option<Node> {
        while let Some(event) = parser.next_event() {
            match event {
                Ok((Event::StreamEnd, _)) => break,
                Ok((event, span)) => self.event(event, span)?,
                Err(error) => {
                    let said = error.to_string();
                    let what = said.split(" at char ").next().unwrap_or(&said);
                    self.diagnostics.add(error.marker().line().max(1), "", format!("not YAML: {}", escaped(what)));
                    return None;
                }
            }
        }
        if self.root.is_none() {
            self.diagnostics.add(1, "", "the file is empty");
        }
        self.root
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        let line = span.start.line().max(1);
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return self.stop(line, "a second document; a file holds one");
                }
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                return self.stop(line, "aliases are not allowed; write the value out");
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.properties(line, anchor, tag.as_ref())?;
                let plain = style == ScalarStyle::Plain;
                self.scalar(Node { line, value: Value::Scalar { text: text.into_owned(), plain } })?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.properties(line, anchor, tag.as_ref())?;
                self.open(Node { line, value: Value::List(Vec::new()) })?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.properties(line, anchor, tag.as_ref())?;
                self.open(Node { line, value: Value::Map(Vec::new()) })?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(done) = self.stack.pop() {
                    self.place(done.node);
                }
            }
            _ => {}
        }
        Some(())
    }

    /// Reports a diagnostic after which the rest of the file cannot be judged.
    fn stop(&mut self, line: usize, message: &str) -> Option<()> {
        self.diagnostics.add(line, "", message);
        None
    }

    fn properties(&mut self, line: usize, anchor: usize, tag: Option<&Cow<'_, Tag>>) -> Option<()> {
        if anchor != 0 {
            return self.stop(line, "anchors are not allowed; write the value out");
        }
        match tag {
            Some(_) => self.stop(line, "tags are not allowed; put quotes around a text"),
            None => Some(()),
        }
    }

    fn open(&mut self, node: Node) -> Option<()> {
        if self.wants_key() {
            return self.stop(node.line, "a key has to be a plain word");
        }
        if self.stack.len() == MAX_DEPTH {
            return self.stop(node.line, &format!("nested deeper than {MAX_DEPTH} levels"));
        }
        self.stack.push(Open { node, key: None, seen: HashMap::new() });
        Some(())
    }

    fn wants_key(&self) -> bool {
        matches!(self.stack.last(), Some(Open { node: Node { value: Value::Map(_), .. }, key: None, .. }))
    }

    fn scalar(&mut self, node: Node) -> Option<()> {
        if !self.wants_key() {
            self.place(node);
            return Some(());
        }
        let Value::Scalar { text, plain } = node.value else { return Some(()) };
        if plain && text == "<<" {
            return self.stop(node.line, "merge keys are not allowed; write the values out");
        }
        if let Some(Open { key, seen, .. }) = self.stack.last_mut() {
            if let Some(first) = seen.insert(text.clone(), node.line) {
                self.diagnostics.add(node.line, &text, format!("given twice; first on line {first}"));
            }
            *key = Some(Key { text, line: node.line });
        }
        Some(())
    }

    /// Puts a finished node where it belongs. A list or mapping counts as standing on the line of its key.
    fn place(&mut self, mut node: Node) {
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Open { node: Node { value: Value::List(items), .. }, .. }) => items.push(node),
            Some(Open { node: Node { value: Value::Map(entries), .. }, key, .. }) => {
                if let Some(key) = key.take() {
                    if !matches!(node.value, Value::Scalar { .. }) {
                        node.line = key.line;
                    }
                    entries.push((key, node));
                }
            }
            Some(_) => {}
        }
    }
}
