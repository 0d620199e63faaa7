//! A YAML document as a tree that knows its lines. A blueprint is stricter than YAML: no anchors, tags or merge keys, so it means
//! what it shows. A user's cloud-config comes from elsewhere, and may hold what PyYAML reads; its tree has no more of that.

mod merge;
mod tag;

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
    /// Where the first line of a text stands whose lines are those of the file: of a block that starts with `|`.
    pub(crate) first: Option<usize>,
    pub(crate) value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Scalar {
        text: String,
        plain: bool,
    },
    /// What `!!binary` holds, if that is no text.
    Binary(Vec<u8>),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// What of YAML a file may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// What means what it shows.
    Plain,
    /// Anchors, merge keys and tags too.
    Full,
}

impl Node {
    /// The value of a key, if the node is a mapping that has it.
    pub(crate) fn get(&self, wanted: &str) -> Option<&Self> {
        let Value::Map(entries) = &self.value else { return None };
        entries.iter().find(|(key, _)| key.text == wanted).map(|(_, node)| node)
    }

    /// The line of a key of a mapping; where it is not there, the mapping's own.
    pub(super) fn line_of(&self, key: &str) -> usize {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(k, _)| k.text == key).map_or(self.line, |(k, _)| k.line),
            _ => self.line,
        }
    }

    /// Levels of lists and mappings.
    fn depth(&self) -> usize {
        match &self.value {
            Value::Scalar { .. } | Value::Binary(_) => 0,
            Value::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Value::Map(entries) => 1 + entries.iter().map(|(_, node)| node.depth()).max().unwrap_or(0),
        }
    }

    /// About what the node takes in a file, in bytes.
    fn size(&self) -> usize {
        match &self.value {
            Value::Scalar { text, .. } => 1 + text.len(),
            Value::Binary(bytes) => 1 + bytes.len(),
            Value::List(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            Value::Map(entries) => 1 + entries.iter().map(|(key, node)| key.text.len() + node.size()).sum::<usize>(),
        }
    }
}

/// A list or mapping that is not closed yet.
struct Open {
    node: Node,
    key: Option<Key>,
    /// Its anchor; 0: none.
    anchor: usize,
    /// Whether the key is a merge key.
    merging: bool,
    /// Values of merge keys so far.
    merges: Vec<Node>,
    /// Keys so far and their lines.
    seen: HashMap<String, usize>,
}

/// Reads one document. `None` where nothing useful is left; the diagnostics say why.
pub(crate) fn parse(text: &str, dialect: Dialect, diagnostics: &mut Diagnostics) -> Option<Node> {
    if text.len() > MAX_BYTES {
        diagnostics.add(1, "", format!("{} bytes, at most {MAX_BYTES} are allowed", text.len()));
        return None;
    }
    if let Some(at) = text.find(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        diagnostics.add(1 + text[..at].matches('\n').count(), "", "a control character: this is not a text file");
        return None;
    }
    let stack = Vec::new();
    Builder { diagnostics, dialect, stack, root: None, documents: 0, anchors: HashMap::new(), copied: 0 }
        .run(Parser::new_from_str(text))
}

struct Builder<'f> {
    diagnostics: &'f mut Diagnostics,
    dialect: Dialect,
    stack: Vec<Open>,
    root: Option<Node>,
    documents: usize,
    /// What anchors stand for.
    anchors: HashMap<usize, Node>,
    /// Size of what aliases repeated.
    copied: usize,
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
            Event::Alias(anchor) => {
                let node = self.repeated(line, anchor)?;
                self.put(node)?;
            }
            Event::UnresolvedAlias(_) => return self.stop(line, "an alias without its anchor"),
            Event::Scalar(text, style, anchor, tag) => {
                self.properties(line, anchor, tag.as_ref())?;
                // A block's place is its first line that is not empty.
                let empty = text.bytes().take_while(|b| *b == b'\n').count();
                let first = (style == ScalarStyle::Literal).then(|| line.saturating_sub(empty));
                let value = match (&tag, style) {
                    (None, style) => Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain },
                    (Some(tag), _) => self.told(line, tag::scalar(tag, text.into_owned()))?,
                };
                let node = Node { line, first, value };
                self.keep(anchor, &node);
                self.put(node)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.properties(line, anchor, tag.as_ref())?;
                self.told(line, tag::collection(tag.as_ref(), "seq"))?;
                self.open(line, Value::List(Vec::new()), anchor)?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.properties(line, anchor, tag.as_ref())?;
                self.told(line, tag::collection(tag.as_ref(), "map"))?;
                self.open(line, Value::Map(Vec::new()), anchor)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(done) = self.stack.pop() {
                    let (anchor, line) = (done.anchor, done.node.line);
                    let node = self.told(line, merge::resolve(done))?;
                    self.keep(anchor, &node);
                    self.place(node);
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

    /// A value, or the reason why there is none as a diagnostic.
    fn told<T>(&mut self, line: usize, value: Result<T, String>) -> Option<T> {
        value.map_err(|why| self.stop(line, &why)).ok()
    }

    fn properties(&mut self, line: usize, anchor: usize, tag: Option<&Cow<'_, Tag>>) -> Option<()> {
        match (self.dialect, anchor, tag) {
            (Dialect::Full, ..) | (Dialect::Plain, 0, None) => Some(()),
            (Dialect::Plain, 0, Some(_)) => self.stop(line, "tags are not allowed; put quotes around a text"),
            (Dialect::Plain, ..) => self.stop(line, "anchors are not allowed; write the value out"),
        }
    }

    /// Remembers what an anchor stands for.
    fn keep(&mut self, anchor: usize, node: &Node) {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
    }

    /// What an alias stands for. All of them together may not make the file larger, or deeper, than one may be that is written out.
    fn repeated(&mut self, line: usize, anchor: usize) -> Option<Node> {
        let Some(node) = self.anchors.get(&anchor) else {
            self.stop(line, "an alias inside of what it stands for");
            return None;
        };
        self.copied += node.size();
        if self.copied > MAX_BYTES {
            self.stop(line, &format!("written out, its aliases have more than {MAX_BYTES} bytes"));
            return None;
        }
        if self.stack.len() + node.depth() > MAX_DEPTH {
            self.stop(line, &format!("nested deeper than {MAX_DEPTH} levels"));
            return None;
        }
        Some(node.clone())
    }

    fn open(&mut self, line: usize, value: Value, anchor: usize) -> Option<()> {
        if self.wants_key() {
            return self.stop(line, "a key has to be a plain word");
        }
        if self.stack.len() == MAX_DEPTH {
            return self.stop(line, &format!("nested deeper than {MAX_DEPTH} levels"));
        }
        let node = Node { line, first: None, value };
        self.stack.push(Open { node, key: None, anchor, merging: false, merges: Vec::new(), seen: HashMap::new() });
        Some(())
    }

    fn wants_key(&self) -> bool {
        matches!(self.stack.last(), Some(Open { node: Node { value: Value::Map(_), .. }, key: None, .. }))
    }

    /// Takes a finished node: the next key, or a value.
    fn put(&mut self, node: Node) -> Option<()> {
        if !self.wants_key() {
            self.place(node);
            return Some(());
        }
        let Value::Scalar { text, plain } = node.value else {
            return self.stop(node.line, "a key has to be a plain word");
        };
        let merge = plain && text == merge::KEY;
        if merge && self.dialect == Dialect::Plain {
            return self.stop(node.line, "merge keys are not allowed; write the values out");
        }
        if let Some(Open { key, seen, merging, .. }) = self.stack.last_mut() {
            *merging = merge;
            if let Some(first) = (!merge).then(|| seen.insert(text.clone(), node.line)).flatten() {
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
            Some(Open { node: Node { value: Value::Map(entries), .. }, key, merging, merges, .. }) => {
                if let Some(key) = key.take() {
                    if *merging {
                        return merges.push(node);
                    }
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
