//! What an account may do, and what of the host it sees.

use super::{Code, Error, Result, Tag, escaped, words};

words! {
    /// What an account may do.
    Role, InvalidRole, "a role";
    /// Look.
    Viewer = "viewer",
    /// Look, and work on instances and what belongs to them.
    Operator = "operator",
    /// Everything, with accounts and the host itself.
    Admin = "admin",
}

/// What of the host an account sees and works on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Scope {
    /// All of it.
    #[default]
    All,
    /// The instances that carry this tag, and what belongs to them.
    Only(Tag),
}

impl Scope {
    /// Parses the tag of a scope: `KEY=VALUE`.
    ///
    /// # Errors
    /// [`Code::InvalidScope`]; a tag that has a meaning of its own is none.
    pub fn parse(text: &str) -> Result<Self> {
        let refused = |hint: &str| {
            Err(Error::new(Code::InvalidScope, format!("`{}` is no tag to sort instances by", escaped(text)))
                .hint(hint))
        };
        let tag = Tag::parse(text)?;
        if tag.value.is_empty() {
            return refused("name the key and the value, such as `client=acme`");
        }
        if tag.is_reserved() {
            return refused("this tag has a meaning of its own: choose another key");
        }
        Ok(Self::Only(tag))
    }

    /// Whether it is the whole host.
    pub fn is_all(&self) -> bool {
        *self == Self::All
    }

    /// The tag; none: it is the whole host.
    pub fn tag(&self) -> Option<&Tag> {
        match self {
            Self::All => None,
            Self::Only(tag) => Some(tag),
        }
    }

    /// Whether something of these tags is in it.
    pub fn covers(&self, tags: &[Tag]) -> bool {
        self.tag().is_none_or(|tag| tags.contains(tag))
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.pad("everything"),
            Self::Only(tag) => f.pad(&tag.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Scope, Tag};

    #[test]
    fn a_scope_is_one_tag_with_its_value() {
        let scope = Scope::parse("client=acme").unwrap();
        assert_eq!((scope.to_string(), scope.is_all()), ("client=acme".to_owned(), false));
        let tags = |all: &[&str]| all.iter().map(|text| Tag::parse(text).unwrap()).collect::<Vec<_>>();
        assert!(scope.covers(&tags(&["a=b", "client=acme"])));
        for others in [&[][..], &["client=acme-2"], &["client"], &["acme=client"]] {
            assert!(!scope.covers(&tags(others)), "{others:?}");
            assert!(Scope::All.covers(&tags(others)), "{others:?}");
        }
        for wrong in [
            "",
            "client",
            "client=",
            "=acme",
            "protected",
            "protected=yes",
            "auto-push=far",
            "auto-snapshot=03:00/7",
            "a,b=c",
        ] {
            assert!(Scope::parse(wrong).is_err(), "{wrong}");
        }
    }
}
