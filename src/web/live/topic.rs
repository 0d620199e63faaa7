//! What can be watched, and what is shown of it.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
};

use serde::Serialize;

use super::difference::{Part, Shown};
use crate::{
    access::digest,
    app::{
        App, Caller,
        instance::show,
        live::{AtWork, Looked},
        metric, operation,
    },
    model::{Class, Code, Error, Name, Result, Tag, Unit, Unobserved},
    view::{HostView, ListRow, MetricRow, OperationView, ShowView, Total, totals_of},
    web::{frame::May, query::Query, render},
};

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topic {
    /// The instances that are asked for.
    Instances(String),
    /// One of them.
    Instance(Name),
    /// An operation.
    Operation(String),
    /// The latest that was measured of an instance.
    Metrics(Name),
}

/// The instances that are asked for, as a page and its rows show them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct List {
    /// Them.
    pub instances: Vec<ListRow>,
    /// What is at work on them, by their names.
    pub at_work: BTreeMap<String, AtWork>,
    /// What was measured last of them, by their names.
    pub measured: BTreeMap<String, Vec<Option<f64>>>,
    /// How many there are in all.
    pub all: usize,
    /// What the host has and has promised, for who sees all of it.
    pub host: Option<HostView>,
    /// What they cost.
    pub totals: Vec<Total>,
}

#[derive(Serialize)]
struct Given<'a, T> {
    may: May,
    #[serde(flatten)]
    shown: &'a T,
}

#[derive(Serialize)]
struct OfRow<'a> {
    one: &'a ListRow,
    at_work: Option<&'a AtWork>,
    busy: &'a [Option<f64>],
}

#[derive(Serialize)]
struct Of<'a, T> {
    shown: &'a T,
}

/// What stands around the rows of a list.
#[derive(Serialize)]
struct AroundRows<'a> {
    is_empty: bool,
    rows: [&'a ListRow; 0],
    all: usize,
    query: &'a str,
}

/// An instance; none: it is not there any more.
#[derive(Serialize)]
struct OfInstance<'a> {
    name: &'a str,
    one: Option<&'a ShowView>,
    is_protected: bool,
    at_work: Option<&'a AtWork>,
}

/// That an instance is there.
#[derive(Serialize)]
struct OfLatest<'a> {
    name: &'a str,
    one: bool,
}

#[derive(Serialize)]
struct OfMetric {
    n: usize,
    one: Option<Last>,
}

/// The last that was measured.
#[derive(Serialize)]
struct Last {
    unit: Unit,
    at: String,
    average: f64,
}

impl List {
    /// Of a look, for a caller.
    ///
    /// # Errors
    /// The caller may not look.
    pub fn of(app: &App, caller: &Caller, looked: &Looked, wanted: &Query) -> Result<Self> {
        let part = looked.part(app, caller)?;
        let all = part.rows.len();
        let instances: Vec<ListRow> = part.rows.into_iter().filter(|row| wanted.finds(row)).collect();
        // What is asked for is instances: what is of none of them is not told beside a part of them.
        let storage = if instances.len() == all { part.storage } else { Vec::new() };
        let at_work = instances.iter().filter_map(|row| Some((row.name.clone(), part.at_work.get(&row.uuid)?.clone())));
        let measured = |row: &ListRow| Some((row.name.clone(), part.measured.get(&row.name)?.clone()));
        Ok(Self {
            at_work: at_work.collect(),
            measured: instances.iter().filter_map(measured).collect(),
            all,
            host: part.host,
            totals: totals_of(&instances, &storage),
            instances,
        })
    }

    /// By what a page says that it shows this. What the host has free moves all the time, and is no reason to tell a page all.
    pub fn version(&self) -> String {
        version(&(&self.instances, &self.at_work, &self.measured, self.all, &self.totals))
    }
}

/// By what a page says what it shows.
fn version(shown: &impl Serialize) -> String {
    digest(&serde_json::to_string(shown).unwrap_or_default())[..16].to_owned()
}

impl Topic {
    /// Of the words of an address; none: this is nothing to watch.
    pub fn parse(asked: &HashMap<String, String>) -> Option<Self> {
        match asked.get("of")?.as_str() {
            "instances" => Some(Self::Instances(asked.get("q").cloned().unwrap_or_default())),
            "instance" => Some(Self::Instance(Name::parse(asked.get("name")?).ok()?)),
            "operation" => Some(Self::Operation(asked.get("id")?.clone())),
            "metrics" => Some(Self::Metrics(Name::parse(asked.get("name")?).ok()?)),
            _ => None,
        }
    }

    /// Where it is watched, by a page that shows this version of it; none: the page is told all.
    pub fn address(&self, version: &str) -> String {
        let of = match self {
            Self::Instances(query) => format!("instances&q={}", encoded(query)),
            Self::Instance(name) => format!("instance&name={name}"),
            Self::Operation(id) => format!("operation&id={}", encoded(id)),
            Self::Metrics(name) => format!("metrics&name={name}"),
        };
        format!("/live?of={of}&v={version}")
    }

    /// What a caller is shown of it.
    ///
    /// # Errors
    /// It is not there, or not for the caller.
    pub fn shown(&self, app: &App, caller: &Caller, looked: &Looked) -> Result<Shown> {
        let may = May::of(caller);
        match self {
            Self::Instances(query) => rows(&List::of(app, caller, looked, &Query::parse(query)?)?, query, may),
            Self::Instance(name) => instance(app, caller, looked, name, may),
            Self::Operation(id) => one_operation(&operation::show(app, caller, id, &mut Unobserved)?, may),
            Self::Metrics(name) => match metric::latest(app, caller, name, &mut Unobserved) {
                Err(error) if error.class == Class::NotFound => gone(name, may),
                found => latest(name, &found?, may),
            },
        }
    }
}

/// A text as a value in an address.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

fn part<T: Serialize>(id: &str, template: &str, may: May, shown: &T) -> Result<Part> {
    let html = render::part(template, &Given { may, shown });
    let html = html.ok_or_else(|| Error::new(Code::Internal, "a part of a page cannot be made"))?;
    Ok(Part { id: id.to_owned(), html })
}

/// Where the rows are in what stands around them.
const ROWS: &str = "<tbody id=\"rows\">\n";

fn rows(list: &List, query: &str, may: May) -> Result<Shown> {
    let row = |one: &ListRow| {
        let busy = list.measured.get(&one.name).map_or(&[None; 3][..], Vec::as_slice);
        let shown = OfRow { one, at_work: list.at_work.get(&one.name), busy };
        part(&format!("r-{}", one.name), "row.html.j2", may, &shown)
    };
    let around = AroundRows { is_empty: list.instances.is_empty(), rows: [], all: list.all, query };
    let around = part("list", "list.html.j2", may, &around)?.html;
    let (before, after) = around.split_once(ROWS).unwrap_or((&around, ""));
    let begin = if after.is_empty() { "" } else { ROWS };
    Ok(Shown {
        version: list.version(),
        rows: Some(list.instances.iter().map(row).collect::<Result<_>>()?),
        around: [format!("{before}{begin}"), after.to_owned()],
        parts: vec![
            part("sum", "sum.html.j2", may, &Of { shown: list })?,
            part("figures", "figures.html.j2", may, &Of { shown: list })?,
        ],
        states: list.instances.iter().map(|row| (row.name.clone(), row.state.to_string())).collect(),
    })
}

fn instance(app: &App, caller: &Caller, looked: &Looked, name: &Name, may: May) -> Result<Shown> {
    let found = show::show(app, caller, std::slice::from_ref(name), &mut Unobserved).map(|mut all| all.pop());
    let one = match found {
        Ok(Some(one)) => one,
        Ok(None) => return gone(name, may),
        Err(error) if error.class == Class::NotFound => return gone(name, may),
        Err(error) => return Err(error),
    };
    let seen = looked.part(app, caller)?;
    let at_work = seen.at_work.get(&one.row.uuid);
    let is_protected = is_protected(&one);
    let shown = OfInstance { name: name.as_str(), one: Some(&one), is_protected, at_work };
    let state = (one.row.name.clone(), one.row.state.to_string());
    Ok(Shown { states: vec![state], ..parts_of(&shown, may)? })
}

/// An instance that is not there, or not for whoever looks: both are told the same.
fn gone(name: &Name, may: May) -> Result<Shown> {
    parts_of(&OfInstance { name: name.as_str(), one: None, is_protected: false, at_work: None }, may)
}

fn parts_of(shown: &OfInstance<'_>, may: May) -> Result<Shown> {
    let made = |id: &&str| part(id, &format!("{id}.html.j2"), may, shown);
    let parts = ["gone", "state", "at-work", "power"].iter().map(made).collect::<Result<_>>()?;
    Ok(Shown { version: version(shown), parts, ..Shown::default() })
}

fn one_operation(view: &OperationView, may: May) -> Result<Shown> {
    let stage = view.stage.clone().filter(|_| view.row.state == "started").unwrap_or_else(|| view.row.state.clone());
    let parts = ["state", "outcome", "progress", "steps", "ends"];
    let made = |id: &&str| part(id, &format!("operation-{id}.html.j2"), may, &Of { shown: view });
    Ok(Shown {
        version: version(view),
        parts: parts.iter().map(made).collect::<Result<_>>()?,
        states: vec![(format!("{} {}", view.row.kind, view.row.resource), stage)],
        ..Shown::default()
    })
}

fn latest(name: &Name, all: &[MetricRow], may: May) -> Result<Shown> {
    let made = |(n, row): (usize, &MetricRow)| {
        let last = row.point.map(|(at, average)| Last { unit: row.unit, at: at.to_string(), average });
        part(&format!("last-{n}"), "last.html.j2", may, &OfMetric { n, one: last })
    };
    let mut parts: Vec<Part> = (1..).zip(all).map(made).collect::<Result<_>>()?;
    parts.push(part("gone", "gone.html.j2", may, &OfLatest { name: name.as_str(), one: true })?);
    let all: Vec<&str> = parts.iter().map(|part| part.html.as_str()).collect();
    Ok(Shown { version: version(&all), parts, ..Shown::default() })
}

/// Whether an instance is not to be deleted.
pub fn is_protected(one: &ShowView) -> bool {
    one.row.tags.iter().any(Tag::protects)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::Topic;
    use crate::model::Name;

    #[test]
    fn a_topic_is_read_as_it_is_written() {
        let shop = Name::parse("shop").unwrap();
        for (topic, address) in [
            (Topic::Instances("a b&q=%".to_owned()), "/live?of=instances&q=a%20b%26q%3D%25&v=7"),
            (Topic::Instance(shop.clone()), "/live?of=instance&name=shop&v=7"),
            (Topic::Metrics(shop), "/live?of=metrics&name=shop&v=7"),
            (Topic::Operation("op-1".to_owned()), "/live?of=operation&id=op-1&v=7"),
        ] {
            assert_eq!(topic.address("7"), address);
        }
        let asked = |all: &[(&str, &str)]| -> HashMap<String, String> {
            all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        assert_eq!(Topic::parse(&asked(&[("of", "instances")])), Some(Topic::Instances(String::new())));
        for wrong in [&[][..], &[("of", "x")], &[("of", "instance")], &[("of", "instance"), ("name", "../x")]] {
            assert_eq!(Topic::parse(&asked(wrong)), None);
        }
    }
}
