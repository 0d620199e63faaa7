//! The forms of single values.

use std::{path::PathBuf, time::Duration};

use crate::model::{Code, Error, Result, escaped, is_hidden};

/// A day.
pub const DAY: Duration = Duration::from_secs(86_400);

pub fn yes_or_no(text: &str) -> Result<bool> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(invalid(text, "`yes` or `no`")),
    }
}

/// `0`, or a time of at most 30 days.
pub fn keep(text: &str) -> Result<Duration> {
    match text {
        "0" => Ok(Duration::ZERO),
        _ => time(text).ok_or_else(|| invalid(text, "`0`, or a time such as `24h` or `7d`, at most `30d`")),
    }
}

/// How long a session may last.
pub fn session(text: &str) -> Result<Duration> {
    time(text).ok_or_else(|| invalid(text, "a time such as `12h` or `7d`, at most `30d`"))
}

/// A time from a minute to 30 days.
pub fn time(text: &str) -> Option<Duration> {
    let units = [('m', 60), ('h', 3600), ('d', 86_400)];
    let (number, seconds) = units.iter().find_map(|(u, s)| Some((text.strip_suffix(*u)?, *s)))?;
    let is_plain = (1..=5).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|_| is_plain)?;
    let time = Duration::from_secs(number * seconds);
    (Duration::from_secs(60)..=30 * DAY).contains(&time).then_some(time)
}

pub fn invalid(text: &str, form: &str) -> Error {
    Error::new(Code::InvalidSettings, format!("`{}` is not {form}", escaped(text)))
}

pub fn graphic(text: &str) -> bool {
    !text.is_empty() && text.len() <= 1024 && text.bytes().all(|b| b.is_ascii_graphic())
}

pub fn is_uri(text: &str) -> bool {
    graphic(text) && text.split_once(":/").is_some_and(|(scheme, _)| !scheme.is_empty() && !scheme.starts_with('-'))
}

pub fn is_url(text: &str) -> bool {
    graphic(text) && ["http://", "https://"].iter().any(|s| text.strip_prefix(s).is_some_and(|rest| !rest.is_empty()))
}

pub fn is_https(text: &str) -> bool {
    text.starts_with("https://") && is_url(text)
}

pub fn is_word(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes[0].is_ascii_alphanumeric()
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b))
}

/// `HOST`, `HOST:PORT` or `[IPv6]:PORT`.
pub fn server(text: &str) -> Result<(String, Option<u16>)> {
    let bad = || invalid(text, "a mail server such as `mail.example.org` or `mail.example.org:587`");
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (host, port) = match bracketed {
        Some((host, rest)) if host.parse::<std::net::Ipv6Addr>().is_ok() => {
            (host, rest.strip_prefix(':').or((!rest.is_empty()).then_some("?")))
        }
        Some(_) => return Err(bad()),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map(|p| p.parse::<u16>().ok().filter(|p| *p > 0).ok_or_else(bad)).transpose()?;
    if bracketed.is_none() && !is_word(host) {
        return Err(bad());
    }
    Ok((host.to_owned(), port))
}

pub fn folder(text: &str) -> Result<PathBuf> {
    let path = PathBuf::from(text);
    let plain = path.is_absolute() && !text.chars().any(is_hidden) && !path.components().any(|c| c.as_os_str() == "..");
    if plain { Ok(path) } else { Err(invalid(text, "an absolute path without `..`")) }
}

pub fn subnet(text: &str) -> Result<ipnet::Ipv4Net> {
    let net: ipnet::Ipv4Net = text.parse().map_err(|_| invalid(text, "a subnet such as `192.168.150.0/24`"))?;
    if net.addr() != net.network() || !net.addr().is_private() || !(16..=28).contains(&net.prefix_len()) {
        return Err(invalid(text, "a private subnet from `/16` to `/28`, such as `192.168.150.0/24`"));
    }
    Ok(net)
}
