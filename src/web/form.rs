//! What a form sent: names and values, in the order of the page.

use std::fmt;

use axum::{
    Form,
    extract::{FromRequest, Request},
    http::StatusCode,
};
use serde::{Serialize, Serializer};

/// Most fields that a form has: a page of the console sends fewer, and each costs a look at all.
const MOST: usize = 1000;

/// The fields of a form. A browser sends each that has a name, an empty one too, and of boxes those alone that are ticked.
#[derive(Clone, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Of these names and values.
    pub fn of<'a>(all: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// Whether the form has a field of this name, filled in or not.
    pub fn sent(&self, name: &str) -> bool {
        self.0.iter().any(|(own, _)| own == name)
    }

    /// The value of a field, without spaces around it; empty: it was left empty, or is not there.
    pub fn text(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// The same, none where it is empty.
    pub fn some(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// The value of a field as it was typed.
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// The value of a field of several lines, whose ends are those of the host.
    pub fn lines(&self, name: &str) -> String {
        self.raw(name).replace("\r\n", "\n")
    }

    /// The values of a field that may be there several times.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.trim())
    }

    /// Whether a box is ticked.
    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// Names and values of the fields whose names begin so, without that.
    pub fn under<'a>(&'a self, prefix: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }
}

/// What was typed, by the name of its field, and each ticked box of several that have one name as `NAME=VALUE`: a page shows it again.
impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let typed = self.0.iter().map(|(name, _)| (name.clone(), self.lines(name)));
        let ticked = self.0.iter().map(|(name, value)| (format!("{name}={value}"), value.clone()));
        to.collect_map(typed.chain(ticked))
    }
}

/// A form may hold secrets: nothing prints one.
impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} fields", self.0.len())
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = (StatusCode, &'static str);

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let form = Form::<Vec<(String, String)>>::from_request(request, state).await;
        match form {
            Ok(Form(fields)) if fields.len() > MOST => {
                Err((StatusCode::PAYLOAD_TOO_LARGE, "this form has too many fields\n"))
            }
            Ok(Form(fields)) => Ok(Self(fields)),
            Err(_) => Err((StatusCode::BAD_REQUEST, "this is no form\n")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Fields;

    #[test]
    fn fields_are_found_by_their_names() {
        let sent = [
            ("name", " web "),
            ("set.title", " A shop"),
            ("tag", "a"),
            ("tag", "b"),
            ("empty", " "),
            ("text", "a\r\n b\n"),
        ];
        let fields = Fields::of(sent);
        assert!(fields.sent("empty") && !fields.sent("none"));
        assert_eq!((fields.text("name"), fields.text("none"), fields.some("empty")), ("web", "", None));
        assert_eq!(fields.all("tag").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(fields.under("set.").collect::<Vec<_>>(), [("title", " A shop")]);
        assert_eq!((fields.has("empty"), fields.has("none")), (true, false));
        assert_eq!(fields.lines("text"), "a\n b\n");
        assert_eq!(format!("{fields:?}"), "6 fields");
    }
}
