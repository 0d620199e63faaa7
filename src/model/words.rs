//! Enums whose variants are words that are stored, shown and, some of them, typed.

/// A unit enum whose words are those stored, shown and read.
pub trait Word: Copy + 'static {
    /// All of them.
    const ALL: &'static [Self];

    /// The word.
    fn word(self) -> &'static str;

    /// The variant of a word; none: it is unknown.
    fn of_word(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|variant| variant.word() == text)
    }
}

/// Defines such enums. With a code and a name (`InvalidStatistic, "a statistic"`) its words may be typed: `parse` refuses an
/// unknown one with all that are known.
macro_rules! words {
    ($(#[$doc:meta])* $type:ident, $code:ident, $what:literal; $($rest:tt)*) => {
        $crate::model::words! { $(#[$doc])* $type; $($rest)* }

        impl $type {
            /// Parses the word; an unknown one is refused with all that are known.
            pub fn parse(text: &str) -> $crate::model::Result<Self> {
                <Self as $crate::model::Word>::of_word(text)
                    .ok_or_else(|| $crate::model::unknown_word::<Self>($crate::model::Code::$code, $what, text))
            }
        }
    };
    ($(#[$doc:meta])* $type:ident; $($(#[$vdoc:meta])* $name:ident = $text:literal,)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $type {
            $($(#[$vdoc])* #[serde(rename = $text)] $name,)*
        }

        impl $type {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The word.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }

        impl $crate::model::Word for $type {
            const ALL: &'static [Self] = Self::ALL;

            fn word(self) -> &'static str {
                self.as_str()
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use words;

use super::{Code, Error, escaped, nearest};

/// The error of a word that is none of a type's, with the nearest and all there are.
pub(crate) fn unknown_word<T: Word>(code: Code, what: &str, text: &str) -> Error {
    let error = Error::new(code, format!("`{}` is not {what}", escaped(text)));
    let error = match nearest(text, T::ALL.iter().map(|w| w.word())) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error,
    };
    let all: Vec<String> = T::ALL.iter().map(|w| format!("`{}`", w.word())).collect();
    error.hint(format!("use one of {}", all.join(", ")))
}
