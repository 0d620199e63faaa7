//! What is asked of the list of instances: words of a name, `field:value`, and `-` before what is not wanted. Pure.

use crate::{
    model::{Code, Error, Result, Tag, escaped, nearest},
    view::ListRow,
};

/// The fields that can be named.
const FIELDS: [&str; 8] = ["address", "base", "blueprint", "bundle", "health", "name", "state", "tag"];

/// A question: all of its terms hold for an instance that is found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query(Vec<Term>);

/// One term of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    is_wanted: bool,
    field: &'static str,
    value: String,
}

impl Query {
    /// Reads a question. An empty one finds all.
    ///
    /// # Errors
    /// [`Code::UnknownWord`]: there is no such field.
    pub fn parse(text: &str) -> Result<Self> {
        text.split_whitespace().map(Term::parse).collect::<Result<_>>().map(Self)
    }

    /// Whether an instance is found.
    pub fn finds(&self, row: &ListRow) -> bool {
        self.0.iter().all(|term| term.holds(row) == term.is_wanted)
    }
}

impl Term {
    fn parse(word: &str) -> Result<Self> {
        let (is_wanted, rest) =
            word.strip_prefix('-').filter(|rest| !rest.is_empty()).map_or((true, word), |r| (false, r));
        let Some((name, value)) = rest.split_once(':') else {
            return Ok(Self { is_wanted, field: "name", value: rest.to_lowercase() });
        };
        match FIELDS.into_iter().find(|field| *field == name) {
            Some(field) => Ok(Self { is_wanted, field, value: value.to_owned() }),
            None => {
                let error =
                    Error::new(Code::UnknownWord, format!("instances have no `{}` to search by", escaped(name)));
                let near = nearest(name, FIELDS).map(|near| format!("did you mean `{near}:{}`?", escaped(value)));
                Err(near.into_iter().fold(error, Error::hint).hint(format!("there are {}", FIELDS.join(", "))))
            }
        }
    }

    fn holds(&self, row: &ListRow) -> bool {
        let value = self.value.as_str();
        match self.field {
            "name" => row.name.contains(value),
            "state" => row.state.as_str() == value,
            "health" => row.health.as_deref().unwrap_or("none") == value,
            "blueprint" => row.blueprint == value,
            "bundle" => row.bundle == value,
            "base" => row.base == value,
            "tag" => row.tags.iter().any(|tag| has(tag, value)),
            _ => {
                let own =
                    [row.address.map(Into::into), row.address6.map(Into::into), row.static_address.map(Into::into)];
                own.into_iter().flatten().any(|own: std::net::IpAddr| own.to_string().starts_with(value))
            }
        }
    }
}

/// `client` is any tag of that key, `client=acme` that one.
fn has(tag: &Tag, wanted: &str) -> bool {
    match wanted.split_once('=') {
        Some((key, value)) => tag.key == key && tag.value == value,
        None => tag.key == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::Query;
    use crate::view::row::tests::two;

    fn found(text: &str) -> Vec<String> {
        let query = Query::parse(text).unwrap();
        two().iter().filter(|row| query.finds(row)).map(|row| row.name.clone()).collect()
    }

    #[test]
    fn each_term_takes_away() {
        for (text, names) in [
            ("", &["wordpress-1", "test"][..]),
            ("  ", &["wordpress-1", "test"]),
            ("press", &["wordpress-1"]),
            ("Press", &["wordpress-1"]),
            ("-press", &["test"]),
            ("state:running", &["wordpress-1"]),
            ("-state:running", &["test"]),
            ("state:run", &[]),
            ("health:ok", &["wordpress-1"]),
            ("health:none", &["test"]),
            ("blueprint:debian-13 bundle:nano base:debian-13", &["test"]),
            ("tag:client", &["wordpress-1"]),
            ("tag:client=acme", &["wordpress-1"]),
            ("tag:client=ac", &[]),
            ("tag:client=", &[]),
            ("-tag:client=acme", &["test"]),
            ("address:192.168.150.1", &["wordpress-1", "test"]),
            ("address:192.168.150.11", &["test"]),
            ("name:test state:running", &[]),
            ("-", &["wordpress-1"]),
        ] {
            assert_eq!(found(text), names, "{text:?}");
        }
    }

    #[test]
    fn a_field_that_is_not_there_names_the_nearest() {
        let error = Query::parse("a stat:running").unwrap_err();
        assert_eq!(error.message, "instances have no `stat` to search by");
        let hints =
            ["did you mean `state:running`?", "there are address, base, blueprint, bundle, health, name, state, tag"];
        assert_eq!(error.hint_texts(), hints);
        assert_eq!(Query::parse("\u{1b}x:y").unwrap_err().message, "instances have no `\\u{1b}x` to search by");
    }
}
