//! Names of resources: the only guard between a user's words and libvirt, paths and host names.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Code, Error, Result, escaped};

/// A resource name: 1–63 of `a-z 0-9 -`, first a letter, last a letter or digit, not something that reads as an id.
///
/// libvirt itself accepts `..`, `-rf` and `$(id)`, so this rule is the only guard.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// Longest name: the limit of a DNS label, RFC 1035.
    pub const MAX: usize = 63;

    /// Parses a name. Refused (exit 2) with the allowed form if it is not one.
    pub fn parse(text: &str) -> Result<Self> {
        let bytes = text.as_bytes();
        let shaped = (1..=Self::MAX).contains(&bytes.len())
            && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
            && bytes[0].is_ascii_lowercase()
            && bytes[bytes.len() - 1] != b'-';
        if !shaped {
            return Err(Error::new(Code::InvalidName, format!("`{}` is not a valid name", escaped(text))).hint(
                "a name has 1 to 63 characters of a-z, 0-9 and `-`, starts with a letter and ends with a letter or digit",
            ));
        }
        if uuid::Uuid::try_parse(text).is_ok() || text.strip_prefix("op-").is_some_and(|rest| rest.len() == 8) {
            return Err(Error::new(Code::InvalidName, format!("`{text}` reads as an id, not as a name"))
                .hint("choose a name that is not an instance or operation id"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name that an id of the catalog gives its `number`th resource: a letter first, `-` for each point, cut to fit.
    ///
    /// # Errors
    /// Refused where the id is none of the catalog's.
    pub fn numbered(id: &str, number: u32) -> Result<Self> {
        let text = id.replace('.', "-");
        let letter = if text.starts_with(|c: char| c.is_ascii_digit()) { "i" } else { "" };
        let number = format!("-{number}");
        let stem: String = format!("{letter}{text}").chars().take(Self::MAX - number.len()).collect();
        Self::parse(&(stem + &number))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Name {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Name {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn accepts_what_the_rule_allows() {
        for good in ["a", "web-1", "a0", &"a".repeat(63)] {
            assert_eq!(Name::parse(good).map(String::from), Ok(good.to_owned()));
        }
    }

    #[test]
    fn an_id_of_the_catalog_gives_names() {
        let long = "a".repeat(63);
        let cases = [
            ("nginx", 1, "nginx-1".to_owned()),
            ("ubuntu-24.04", 1, "ubuntu-24-04-1".to_owned()),
            ("bake-ubuntu-24.04", 2, "bake-ubuntu-24-04-2".to_owned()),
            ("2048", 7, "i2048-7".to_owned()),
            (&long, u32::MAX, format!("{}-4294967295", &long[..52])),
        ];
        for (id, number, name) in cases {
            assert_eq!(Name::numbered(id, number).map(String::from), Ok(name), "{id}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        let bad = [
            "",
            "-",
            "-rf",
            "..",
            "a/b",
            "a b",
            "A",
            "a-",
            "1a",
            "$(id)",
            "a;b",
            "<a>",
            "a\n",
            "é",
            "a\u{0}",
            "a.b",
            "a_b",
            &"a".repeat(64),
            "deadbeef-dead-4eef-8ead-deadbeefdead",
            "op-0123abcd",
        ];
        for text in bad {
            assert_eq!(
                Name::parse(text).map_err(|e| (e.code.as_str(), e.exit_code())),
                Err(("invalid_name", 2)),
                "{text:?}"
            );
        }
    }
}
