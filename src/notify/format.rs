//! Formats of a message: the Standard Webhooks payload, and templates for receivers with a shape of their own.

use minijinja::{AutoEscape, Environment, UndefinedBehavior, value::Serde};
use serde::{Deserialize, Serialize};

use super::payload::{Message, samples};
use crate::model::{Code, Error, Result, check_template, escaped, nearest};

/// Steps a template may take.
const FUEL: u64 = 100_000;
/// Largest body sent.
const MOST: usize = 256 << 10;

/// The templates that come along: name, file name, text.
const BUILT_IN: [(&str, &str, &str); 3] = [
    ("slack", "slack.json.j2", include_str!("formats/slack.json.j2")),
    ("discord", "discord.json.j2", include_str!("formats/discord.json.j2")),
    ("ntfy", "ntfy.txt.j2", include_str!("formats/ntfy.txt.j2")),
];

/// How a contact wants its messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The Standard Webhooks payload.
    Standard,
    /// The text of a letter.
    Mail,
    /// A template: its file name says what it makes (`.json.j2` or `.txt.j2`).
    Template {
        /// Name shown.
        name: String,
        /// File name.
        file: String,
        /// Text.
        text: String,
    },
}

impl Format {
    /// Names of the formats that come along.
    pub const NAMES: [&str; 4] = ["standard", "slack", "discord", "ntfy"];

    /// A format that comes along.
    pub fn named(name: &str) -> Result<Self> {
        if name == "standard" {
            return Ok(Self::Standard);
        }
        if let Some((name, file, text)) = BUILT_IN.iter().find(|b| b.0 == name) {
            return Ok(Self::Template { name: (*name).into(), file: (*file).into(), text: (*text).into() });
        }
        let error = Error::new(Code::UnknownFormat, format!("there is no format `{}`", escaped(name)));
        let error = match nearest(name, Self::NAMES) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error,
        };
        Err(error.hint(format!(
            "the formats are {}; one of your own is the path of a template, such as `./mine.json.j2`",
            Self::NAMES.join(", ")
        )))
    }

    /// A template of the user's; refused unless it renders every kind of event, and to JSON if it is to make JSON.
    pub fn custom(path: &str, text: String) -> Result<Self> {
        let file = path.rsplit('/').next().unwrap_or(path).to_owned();
        let name = file.strip_suffix(".json.j2").or_else(|| file.strip_suffix(".txt.j2"));
        let Some(name) = name.filter(|n| !n.is_empty()).map(str::to_owned) else {
            return Err(Error::new(Code::InvalidFormat, format!("`{}` is not the name of a template", escaped(&file)))
                .hint("a template is called `NAME.json.j2` or `NAME.txt.j2`: the name says what it makes"));
        };
        let format = Self::Template { name, file, text };
        let samples = samples();
        let one = samples.iter().map(|e| Message::of(std::slice::from_ref(e), false));
        for message in one.chain([Message::of(&samples[..3], false), Message::of(&samples, true)]) {
            format.render(&message).map_err(|mut e| {
                e.message = format!("{}: {}", escaped(path), e.message);
                e
            })?;
        }
        Ok(format)
    }

    /// The name shown.
    pub fn name(&self) -> &str {
        match self {
            Self::Standard => "standard",
            Self::Mail => "mail",
            Self::Template { name, .. } => name,
        }
    }

    /// The body of a message and its content type.
    pub fn render(&self, message: &Message) -> Result<(Vec<u8>, &'static str)> {
        let (file, text) = match self {
            Self::Standard => return Ok((message.standard(), "application/json")),
            Self::Mail => return Ok((message.letter().into_bytes(), "text/plain; charset=utf-8")),
            Self::Template { file, text, .. } => (file, text),
        };
        let bad = |why: String| {
            Error::new(Code::InvalidFormat, "the template does not render").cause(why).hint(
                "a template sees `type`, `timestamp`, `title`, `text` and `data`; `| tojson` writes any of them as JSON",
            )
        };
        check_template(text).map_err(&bad)?;
        let json = file.ends_with(".json.j2");
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_auto_escape_callback(move |_| if json { AutoEscape::Json } else { AutoEscape::None });
        let rendered = environment.render_named_str(file, text, Serde(message)).map_err(|e| {
            let told = e.to_string();
            bad(escaped(told.lines().next().unwrap_or_default()))
        })?;
        if rendered.len() > MOST {
            return Err(bad(format!("it makes {} bytes, more than {MOST}", rendered.len())));
        }
        if !json {
            return Ok((rendered.into_bytes(), "text/plain; charset=utf-8"));
        }
        let value: serde_json::Value =
            serde_json::from_str(&rendered).map_err(|e| bad(format!("it makes no JSON: {e}")))?;
        Ok((serde_json::to_vec(&value).map_err(|e| bad(e.to_string()))?, "application/json"))
    }
}

#[cfg(test)]
mod tests {
    use super::Format;
    use crate::{
        model::EventKind,
        notify::payload::{Message, samples},
    };

    fn hostile() -> Message {
        let mut event = samples().into_iter().find(|e| e.kind == EventKind::AlarmFiring).unwrap();
        event.data.reason = "a \"quoted\" <!channel> & {{ 7*7 }}\n@everyone\u{2028}".to_owned();
        Message::of(&[event], false)
    }

    fn body(format: &str, message: &Message) -> String {
        String::from_utf8(Format::named(format).unwrap().render(message).unwrap().0).unwrap()
    }

    #[test]
    fn the_formats_that_come_along() {
        let message = hostile();
        let slack: serde_json::Value = serde_json::from_str(&body("slack", &message)).unwrap();
        let text =
            "*ALARM MemoryUtilization on shop*\na \"quoted\" &lt;!channel&gt; &amp; {{ 7*7 }}\n@everyone\u{2028}";
        assert_eq!(slack["text"], text);
        let discord: serde_json::Value = serde_json::from_str(&body("discord", &message)).unwrap();
        assert_eq!(
            discord["content"],
            "**ALARM MemoryUtilization on shop**\na \"quoted\" <!channel> & {{ 7*7 }}\n@everyone\u{2028}"
        );
        assert_eq!(discord["allowed_mentions"]["parse"], serde_json::json!([]));
        assert_eq!(
            body("ntfy", &message),
            "ALARM MemoryUtilization on shop\na \"quoted\" <!channel> & {{ 7*7 }}\n@everyone\u{2028}"
        );
        let long = Message { text: "é".repeat(5000), ..message };
        let discord: serde_json::Value = serde_json::from_str(&body("discord", &long)).unwrap();
        assert_eq!(discord["content"].as_str().map(|c| c.chars().count()), Some(1900));
    }

    #[test]
    fn a_template_of_the_users() {
        let good = r#"{"kind": {{ type }}, "all": {{ data | tojson }}, "at": {{ timestamp }}}"#;
        let format = Format::custom("./mine.json.j2", good.to_owned()).unwrap();
        assert_eq!(format.name(), "mine");
        let value: serde_json::Value = serde_json::from_slice(&format.render(&hostile()).unwrap().0).unwrap();
        assert_eq!((&value["kind"], &value["all"]["metric"]), (&"alarm.firing".into(), &"MemoryUtilization".into()));
        for (path, text) in [
            ("mine.json.j2", "{{ titel }}"),
            ("mine.json.j2", "{{ title"),
            ("mine.json.j2", "{\"a\": \"{{ title }}\"}"),
            ("mine.json.j2", "no json"),
            ("mine.json.j2", "{{ data.points[7] + 1 }}"),
            ("mine.txt.j2", "{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}"),
            ("mine.txt.j2", "{% include 'x' %}"),
            ("mine", "{{ title }}"),
            (".json.j2", "1"),
        ] {
            let error = Format::custom(path, text.to_owned()).expect_err(text);
            assert_eq!((error.code.as_str(), error.exit_code()), ("invalid_format", 2), "{text}");
        }
    }

    #[test]
    fn an_unknown_format_names_the_nearest() {
        let error = Format::named("slak").unwrap_err();
        assert_eq!((error.code.as_str(), &*error.hints[0]), ("unknown_format", "did you mean `slack`?"));
    }
}
