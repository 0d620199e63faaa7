//! Formats of a message: the Standard Webhooks payload, and templates for receivers with a shape of their own.

use minijinja::{AutoEscape, Environment, UndefinedBehavior, value::Serde};
use serde::{Deserialize, Serialize};

use super::payload::{Message, samples};
use crate::model::{Code, Error, Result, check_template, escaped, nearest};

/// Steps a template may take.
const FUEL: u64 = 100_000;
/// Largest body sent.
const MOST: usize = 256 << 10;

/// A template that comes along.
struct BuiltIn {
    name: &'static str,
    file: &'static str,
    text: &'static str,
    /// Its text in an earlier lite, which contacts of that keep: they get the text of today.
    earlier: &'static str,
    /// The most that its receiver takes, as it counts.
    most: usize,
    /// How its receiver counts.
    count: fn(&[u8]) -> usize,
}

const BUILT_IN: [BuiltIn; 3] = [
    BuiltIn {
        name: "slack",
        file: "slack.json.j2",
        text: include_str!("formats/slack.json.j2"),
        earlier: include_str!("formats/earlier/slack.json.j2"),
        // Characters; longer texts are folded, and cut off from 40,000 on.
        most: 4000,
        count: |body| units_of(body, "text"),
    },
    BuiltIn {
        name: "discord",
        file: "discord.json.j2",
        text: include_str!("formats/discord.json.j2"),
        earlier: include_str!("formats/earlier/discord.json.j2"),
        // Characters; a longer message is refused.
        most: 2000,
        count: |body| units_of(body, "content"),
    },
    BuiltIn {
        name: "ntfy",
        file: "ntfy.txt.j2",
        text: include_str!("formats/ntfy.txt.j2"),
        earlier: include_str!("formats/earlier/ntfy.txt.j2"),
        // Bytes; a longer message becomes a file.
        most: 4096,
        count: <[u8]>::len,
    },
];

/// Length of a text of a JSON body, in UTF-16 units: never less than characters.
fn units_of(body: &[u8], key: &str) -> usize {
    let value: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    value[key].as_str().map_or(0, |text| text.encode_utf16().count())
}

/// Text as Discord's Markdown shows it unchanged: no link with a text of its own, no heading, no quote.
fn markdown(text: &str) -> String {
    escape_each(text, |c| r"\*_~|`>[]()#<".contains(c).then(|| format!(r"\{c}")))
}

/// Text as Slack's `mrkdwn` shows it unchanged: no link, no mention.
fn mrkdwn(text: &str) -> String {
    escape_each(text, |c| match c {
        '&' => Some("&amp;".to_owned()),
        '<' => Some("&lt;".to_owned()),
        '>' => Some("&gt;".to_owned()),
        _ => None,
    })
}

fn escape_each(text: &str, escape: impl Fn(char) -> Option<String>) -> String {
    text.chars().map(|c| escape(c).unwrap_or_else(|| c.to_string())).collect()
}

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
        if let Some(BuiltIn { name, file, text, .. }) = BUILT_IN.iter().find(|b| b.name == name) {
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

    /// The body of a message and its content type. One for a receiver that is known is no longer than that takes.
    pub fn render(&self, message: &Message) -> Result<(Vec<u8>, &'static str)> {
        let (file, text) = match self {
            Self::Standard => return Ok((message.standard(), "application/json")),
            Self::Mail => return Ok((message.letter().into_bytes(), "text/plain; charset=utf-8")),
            Self::Template { file, text, .. } => (file, text),
        };
        match BUILT_IN.iter().find(|b| b.file == file && [b.text, b.earlier].contains(&text.as_str())) {
            Some(known) => known.fitting(message),
            None => render(file, text, message),
        }
    }
}

impl BuiltIn {
    /// As many lines as the receiver takes; of the first, if it alone is too long, as many characters.
    fn fitting(&self, message: &Message) -> Result<(Vec<u8>, &'static str)> {
        let render = |message: &Message| render(self.file, self.text, message);
        let fits = |body: &[u8]| (self.count)(body) <= self.most;
        for lines in (1..=message.len()).rev() {
            let part = message.first(lines);
            // What a template makes of it is no shorter.
            if part.text.chars().count() > self.most {
                continue;
            }
            let made = render(&part)?;
            if fits(&made.0) {
                return Ok(made);
            }
        }
        let (mut shorter, mut longer) = (0, self.most);
        while longer - shorter > 1 {
            let length = shorter.midpoint(longer);
            if fits(&render(&message.cut(length))?.0) {
                shorter = length;
            } else {
                longer = length;
            }
        }
        render(&message.cut(shorter))
    }
}

/// What a template makes of a message, and its content type.
fn render(file: &str, text: &str, message: &Message) -> Result<(Vec<u8>, &'static str)> {
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
    environment.add_filter("markdown", markdown);
    environment.add_filter("mrkdwn", mrkdwn);
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

#[cfg(test)]
mod tests {
    use super::Format;
    use crate::{
        model::EventKind,
        notify::payload::{Message, samples},
    };

    fn hostile() -> Message {
        let mut event = samples().into_iter().find(|e| e.kind == EventKind::AlarmFiring).unwrap();
        event.data.reason =
            "a \"quoted\" <!channel> & {{ 7*7 }}\n@everyone\u{2028}[x](http://e.example)<http://e.example|x>"
                .to_owned();
        Message::of(&[event], false)
    }

    fn body(format: &str, message: &Message) -> String {
        String::from_utf8(Format::named(format).unwrap().render(message).unwrap().0).unwrap()
    }

    #[test]
    fn the_formats_that_come_along() {
        let message = hostile();
        let slack: serde_json::Value = serde_json::from_str(&body("slack", &message)).unwrap();
        let text = r#"*ALARM MemoryUtilization on shop*
a "quoted" &lt;!channel&gt; &amp; {{ 7*7 }}\n@everyone\u{2028}[x](http://e.example)&lt;http://e.example|x&gt;"#;
        assert_eq!(slack["text"], text);
        let discord: serde_json::Value = serde_json::from_str(&body("discord", &message)).unwrap();
        let text = r#"**ALARM MemoryUtilization on shop**
a "quoted" \<!channel\> & {{ 7\*7 }}\\n@everyone\\u{2028}\[x\]\(http://e.example\)\<http://e.example\|x\>"#;
        assert_eq!(discord["content"], text);
        assert_eq!(discord["allowed_mentions"]["parse"], serde_json::json!([]));
        let text = r#"ALARM MemoryUtilization on shop
a "quoted" <!channel> & {{ 7*7 }}\n@everyone\u{2028}[x](http://e.example)<http://e.example|x>"#;
        assert_eq!(body("ntfy", &message), text);
        // Nobody reads this as Markdown.
        assert_eq!(Format::named("ntfy").unwrap().render(&message).unwrap().1, "text/plain; charset=utf-8");
    }

    #[test]
    fn what_an_earlier_lite_stored_is_what_it_is_today() {
        let message = hostile();
        for built_in in &super::BUILT_IN {
            let (name, file, text) = (built_in.name.into(), built_in.file.into(), built_in.earlier.into());
            let stored = Format::Template { name, file, text };
            assert_eq!(stored.render(&message), Format::named(built_in.name).unwrap().render(&message));
        }
    }

    #[test]
    fn every_receiver_gets_what_it_takes() {
        // As their documentation says.
        let limits = super::BUILT_IN.each_ref().map(|b| (b.name, b.most));
        assert_eq!(limits, [("slack", 4000), ("discord", 2000), ("ntfy", 4096)]);
        let mut event = samples().remove(0);
        for reason in ["é".repeat(700), "*".repeat(700), "𝄞".repeat(700), "é*".repeat(9000)] {
            event.data.reason = reason;
            for events in [1, 2, 9, 30] {
                let message = Message::of(&vec![event.clone(); events], false);
                for built_in in &super::BUILT_IN {
                    let body = Format::named(built_in.name).unwrap().render(&message).unwrap().0;
                    let count = (built_in.count)(&body);
                    assert!(count <= built_in.most, "{}: {count}", built_in.name);
                    // Nothing is left out that there was room for.
                    let line =
                        (built_in.count)(&Format::named(built_in.name).unwrap().render(&message.first(1)).unwrap().0);
                    assert!(count == line || count + line > built_in.most || events < 3, "{}: {count}", built_in.name);
                    let text = String::from_utf8_lossy(&body).into_owned();
                    let shown = text.matches("ALARM MemoryUtilization on shop").count();
                    let more = events.saturating_sub(shown.max(1));
                    assert_eq!(text.contains(&format!("and {more} more")), more > 0, "{}: {text}", built_in.name);
                }
            }
        }
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
