//! The settings of this host: a TOML file (`LITE_CONFIG`), each key overridden by the variable `LITE_<KEY>`.

mod values;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use toml::de::{DeTable, DeValue};
use values::{
    DAY, folder, graphic, invalid, is_https, is_uri, is_url, is_word, keep, server, session, subnet, yes_or_no,
};

use crate::{
    model::{
        Accel, Acme, Api, CertificateFiles, Code, Error, Folders, Host, HostId, MailSecurity, MailServer, Overcommit,
        Paths, Ratio, Result, ServerCertificate, Serving, Settings, Size, Subnet6, Word, escaped, nearest,
    },
    notify::mail,
};

/// The configuration file where `LITE_CONFIG` does not name another.
pub const CONFIG: &str = "/etc/lite/config.toml";

/// Every key of the file. Its variable is `LITE_` and the key in capitals.
pub const KEYS: [&str; 33] = [
    "accel",
    "acme_ca",
    "acme_contact",
    "acme_directory",
    "blueprints",
    "connect",
    "disk_overcommit",
    "disk_reserve",
    "keep_deleted",
    "listen",
    "log_dir",
    "loopback_webhooks",
    "memory_overcommit",
    "mirror",
    "names",
    "network",
    "page_size",
    "pool",
    "pool_dir",
    "regions",
    "session_idle",
    "session_life",
    "smtp_from",
    "smtp_password_file",
    "smtp_security",
    "smtp_server",
    "smtp_user",
    "state_dir",
    "subnet",
    "subnet6",
    "tls",
    "trusted_proxy",
    "verify_snapshots",
];

/// Environment variables, by name, as the front end hands them over. An empty one counts as not set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vars(BTreeMap<String, OsString>);

impl Vars {
    /// The value, if it is set, not empty, and UTF-8; refused if it is not UTF-8.
    pub fn get(&self, name: &str) -> Result<Option<&str>> {
        match self.0.get(name).filter(|v| !v.is_empty()) {
            None => Ok(None),
            Some(value) => value
                .to_str()
                .map(Some)
                .ok_or_else(|| Error::new(Code::InvalidVariable, format!("the variable `{name}` is not UTF-8"))),
        }
    }

    /// The value as it is, if it is set and not empty.
    pub fn get_os(&self, name: &str) -> Option<&OsString> {
        self.0.get(name).filter(|v| !v.is_empty())
    }
}

impl<K: Into<String>, V: Into<OsString>> FromIterator<(K, V)> for Vars {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(iter: I) -> Self {
        Self(iter.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}

/// A value, and where it stands.
struct Given {
    text: String,
    place: String,
}

/// Resolves the settings. Every fault is named at once; unknown keys are refused with the nearest known one.
pub fn resolve(vars: &Vars) -> Result<Settings> {
    let mut faults = Vec::new();
    let mut given = file(vars, &mut faults)?;
    for key in KEYS {
        let name = format!("LITE_{}", key.to_uppercase());
        if let Some(text) = vars.get(&name)? {
            given.insert(key, Given { text: text.to_owned(), place: format!("variable `{name}`") });
        }
    }
    let mut reader = Reader { given, faults };
    let text = |r: &mut Reader, key, default: &str, check: fn(&str) -> bool, form: &str| {
        r.read(key, default.to_owned(), |t| if check(t) { Ok(t.to_owned()) } else { Err(invalid(t, form)) })
    };
    let plain = Overcommit::default();
    let host = Host {
        id: HostId::local(),
        connect: text(
            &mut reader,
            "connect",
            "qemu:///system",
            is_uri,
            "a libvirt connection such as `qemu:///system`",
        ),
        pool: text(&mut reader, "pool", "lite", is_word, "the name of a storage pool, such as `lite`"),
        network: text(&mut reader, "network", "lite", is_word, "the name of a libvirt network, such as `lite`"),
        subnet: reader.read("subnet", None, |t| subnet(t).map(Some)),
        subnet6: reader.read("subnet6", Subnet6::Auto, Subnet6::parse),
        accel: reader.read("accel", Accel::Auto, Accel::parse),
        overcommit: Overcommit {
            disk: reader.read("disk_overcommit", plain.disk, Ratio::parse),
            memory: reader.read("memory_overcommit", plain.memory, Ratio::parse),
            disk_reserve: reader.read("disk_reserve", plain.disk_reserve, |t| Size::parse(t).map(Some)),
        },
        folders: Folders {
            pool: reader.read("pool_dir", "/var/lib/libvirt/images/lite".into(), folder),
            logs: reader.read("log_dir", "/var/log/lite".into(), folder),
        },
    };
    let settings = Settings {
        host,
        mirror: text(
            &mut reader,
            "mirror",
            "http://deb.debian.org/debian",
            is_url,
            "an `http://` or `https://` address",
        ),
        loopback_webhooks: reader.read("loopback_webhooks", false, yes_or_no),
        keep_deleted: reader.read("keep_deleted", DAY, keep),
        verify_snapshots: reader.read("verify_snapshots", true, yes_or_no),
        mail: mail_server(&mut reader),
        acme: Acme {
            directory: text(&mut reader, "acme_directory", Acme::LETS_ENCRYPT, is_https, "an `https://` address"),
            contact: reader.read("acme_contact", None, |t| mail::parse(t).map(|a| Some(a.to_string()))),
            ca: reader.read("acme_ca", None, |t| folder(t).map(Some)),
        },
        serve: serving(&mut reader),
        api: Api {
            regions: reader.read("regions", Api::default().regions, Api::parse_regions),
            page_size: reader.read("page_size", Api::default().page_size, Api::parse_page_size),
        },
        paths: Paths {
            state: reader.read("state_dir", "/var/lib/lite".into(), folder),
            blueprints: reader.read("blueprints", blueprints(vars)?, |t| t.split(':').map(folder).collect()),
        },
    };
    reader.done(settings)
}

/// Where the console listens, and by what it is known.
fn serving(reader: &mut Reader) -> Serving {
    let usual = Serving::default();
    let serving = Serving {
        listen: reader.read("listen", usual.listen, |t| {
            let listen = Serving::parse_listen(t)?;
            if listen.port() > 0 {
                Ok(listen)
            } else {
                Err(invalid(t, "an address and a port such as `127.0.0.1:8480`"))
            }
        }),
        tls: reader.read("tls", usual.tls, |t| certificate(t).map(Some)),
        names: reader.read("names", usual.names, Serving::parse_names),
        trusted_proxy: reader.read("trusted_proxy", usual.trusted_proxy, |t| Serving::parse_proxy(t).map(Some)),
        session_idle: reader.read("session_idle", usual.session_idle, session),
        session_life: reader.read("session_life", usual.session_life, session),
    };
    if serving.session_idle > serving.session_life {
        for key in ["session_idle", "session_life"] {
            reader.refuse(key, "`session_idle` is not longer than `session_life`");
        }
    }
    serving
}

/// Files of a service have a place of their own, wherever it is started.
fn certificate(text: &str) -> Result<ServerCertificate> {
    let certificate = Serving::parse_tls(text)?;
    if let ServerCertificate::Files(CertificateFiles { certificate, key }) = &certificate {
        for path in [certificate, key] {
            folder(&path.to_string_lossy())?;
        }
    }
    Ok(certificate)
}

/// The mail server, of several keys that need each other.
fn mail_server(reader: &mut Reader) -> Option<MailServer> {
    let server = reader.read("smtp_server", None, |t| server(t).map(Some));
    let security = reader.read("smtp_security", MailSecurity::Starttls, |t| {
        MailSecurity::of_word(t).ok_or_else(|| invalid(t, "`starttls`, `tls` or `none`"))
    });
    let user = reader.read("smtp_user", None, |t| {
        if graphic(t) { Ok(Some(t.to_owned())) } else { Err(invalid(t, "the name of an account")) }
    });
    let password_file = reader.read("smtp_password_file", None, |t| folder(t).map(Some));
    let from = reader.read("smtp_from", None, |t| mail::parse(t).map(|a| Some(a.to_string())));
    let Some((host, port)) = server else {
        // One that was refused is told already.
        let given = reader.given.contains_key("smtp_server");
        for key in ["smtp_from", "smtp_password_file", "smtp_security", "smtp_user"].into_iter().filter(|_| !given) {
            reader.refuse(key, "it means nothing without `smtp_server`");
        }
        return None;
    };
    if user.is_some() != password_file.is_some() {
        reader.refuse("smtp_server", "`smtp_user` and `smtp_password_file` belong together");
    }
    if user.is_some() && security == MailSecurity::None {
        reader.refuse("smtp_security", "a password is not sent without TLS: use `starttls` or `tls`");
    }
    let Some(from) = from else {
        reader.refuse("smtp_server", "`smtp_from` says which address mail comes from: it is missing");
        return None;
    };
    let port = port.unwrap_or(match security {
        MailSecurity::Tls => 465,
        MailSecurity::Starttls => 587,
        MailSecurity::None => 25,
    });
    Some(MailServer { host, port, security, user, password_file, from })
}

struct Reader {
    given: BTreeMap<&'static str, Given>,
    faults: Vec<Error>,
}

impl Reader {
    fn read<T>(&mut self, key: &str, default: T, parse: impl Fn(&str) -> Result<T>) -> T {
        let Some(given) = self.given.get(key) else { return default };
        parse(&given.text).unwrap_or_else(|mut error| {
            error.message = format!("{}: {}", given.place, error.message);
            self.faults.push(error);
            default
        })
    }

    /// Refuses a value for what the others are.
    fn refuse(&mut self, key: &str, why: &str) {
        let Some(given) = self.given.get(key) else { return };
        let text = format!("{}: {why}", given.place);
        // What was refused already is told once.
        if !self.faults.iter().any(|f| f.message.starts_with(&format!("{}: ", given.place))) {
            self.faults.push(Error::new(Code::InvalidSettings, text));
        }
    }

    fn done(mut self, settings: Settings) -> Result<Settings> {
        match self.faults.len() {
            0 => Ok(settings),
            1 => Err(self.faults.remove(0)),
            n => {
                let error = Error::new(Code::InvalidSettings, format!("the settings have {n} faults"));
                Err(self
                    .faults
                    .into_iter()
                    .fold(error, |e, f| f.hints.into_iter().fold(e.cause(f.message), Error::hint)))
            }
        }
    }
}

fn file(vars: &Vars, faults: &mut Vec<Error>) -> Result<BTreeMap<&'static str, Given>> {
    let chosen = vars.get("LITE_CONFIG")?;
    let path = chosen.unwrap_or(CONFIG);
    let shown = escaped(path);
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound && chosen.is_none() => return Ok(BTreeMap::new()),
        Err(e) => {
            let error = Error::new(Code::UnreadableSettings, format!("cannot read the settings in `{shown}`"));
            let hint = match e.kind() {
                ErrorKind::PermissionDenied => "run it with `sudo`",
                _ => "put the file there, or point `LITE_CONFIG` at another",
            };
            return Err(error.cause(e).hint(hint));
        }
    };
    let line = |at: usize| text.get(..at).map_or(0, |before| before.matches('\n').count()) + 1;
    let table = DeTable::parse(&text).map_err(|e| {
        let line = e.span().map(|s| format!(", line {}", line(s.start))).unwrap_or_default();
        Error::new(Code::InvalidSettings, format!("`{shown}`{line}: not TOML")).cause(e.message())
    })?;
    let mut given = BTreeMap::new();
    // In the order of the file, so that faults are told from its top.
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let place = format!("`{shown}`, line {}", line(key.span().start));
        let name: &str = key.get_ref();
        let Some(known) = KEYS.into_iter().find(|k| *k == name) else {
            let error = Error::new(Code::UnknownSetting, format!("{place}: there is no setting `{}`", escaped(name)));
            faults.push(match nearest(name, KEYS) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("the settings are {}", KEYS.join(", "))),
            });
            continue;
        };
        match plain(value.get_ref(), known) {
            Some(text) => drop(given.insert(known, Given { text, place: format!("{place}: `{known}`") })),
            None => {
                let form = if is_number(known) { "a number" } else { "text in quotes" };
                faults.push(Error::new(Code::InvalidSettings, format!("{place}: `{known}` is not {form}")));
            }
        }
    }
    Ok(given)
}

/// The key takes a number, with or without quotes.
fn is_number(key: &str) -> bool {
    key.ends_with("_overcommit") || key == "page_size"
}

fn plain(value: &DeValue<'_>, key: &str) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(number) if is_number(key) && number.radix() == 10 => Some(number.as_str().to_owned()),
        DeValue::Float(number) if is_number(key) => Some(number.as_str().to_owned()),
        DeValue::Array(items) if ["blueprints", "names", "regions"].contains(&key) => {
            let items: Option<Vec<String>> = items.iter().map(|i| plain(i.get_ref(), "")).collect();
            items.map(|i| i.join(":"))
        }
        _ => None,
    }
}

fn blueprints(vars: &Vars) -> Result<Vec<PathBuf>> {
    let home = vars.get("HOME")?.map(|h| Path::new(h).join(".config"));
    let config = vars.get("XDG_CONFIG_HOME")?.map(PathBuf::from).filter(|p| p.is_absolute()).or(home);
    Ok(std::iter::once("/etc/lite/blueprints".into()).chain(config.map(|c| c.join("lite/blueprints"))).collect())
}
