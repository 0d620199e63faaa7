//! AWS Signature Version 4 of a request, read and checked. Pure: the time and the secret are arguments.

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, header, request::Parts};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::fault::{Answer, Fault};
use crate::model::{escaped, hex};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const DATE: &str = "x-amz-date";
const TARGET: &str = "x-amz-target";
const CONTENT: &str = "x-amz-content-sha256";
const TOKEN: &str = "x-amz-security-token";
/// How far the clocks of a client and of this host may be apart.
const APART: SignedDuration = SignedDuration::from_mins(5);
/// Most headers that are signed: clients sign up to nine.
const MOST: usize = 32;
/// Headers that a request has once: two would be read by somebody as the one, and by somebody as the other.
const ONCE: [&str; 7] = [DATE, TARGET, CONTENT, TOKEN, "authorization", "content-type", "host"];

/// The signature of a request, which has its form. Whether it is good, [`Self::check`] says.
#[derive(Debug)]
pub struct Signature<'a> {
    /// The id of the key.
    pub key: &'a str,
    /// The region that it is for.
    pub region: &'a str,
    /// The service that it is for.
    pub service: &'a str,
    /// The signature itself.
    pub bytes: [u8; 32],
    date: &'a str,
    at: &'a str,
    headers: Vec<&'a str>,
}

/// Whether somebody says that a request is signed.
pub fn is_signed(headers: &HeaderMap) -> bool {
    let says = |value: &http::HeaderValue| value.as_bytes().starts_with(ALGORITHM.as_bytes());
    headers.get_all(header::AUTHORIZATION).iter().any(says)
}

impl<'a> Signature<'a> {
    /// Reads the signature of a request.
    ///
    /// # Errors
    /// There is none, it lacks something, or what has to be signed is not.
    pub fn read(parts: &'a Parts) -> Answer<Self> {
        let headers = &parts.headers;
        if let Some(twice) = ONCE.iter().find(|name| headers.get_all(**name).iter().nth(1).is_some()) {
            return Err(Fault::incomplete(format!("the header `{twice}` is there twice")));
        }
        let authorization = text(headers, "authorization")?.ok_or_else(|| {
            Fault::unsigned("the request is not signed").tip("give the client a key: `lite key create` makes one")
        })?;
        let of_ours = authorization.strip_prefix(ALGORITHM).and_then(|rest| rest.strip_prefix(' '));
        let fields = of_ours.ok_or_else(|| Fault::incomplete(format!("the signature has to be of {ALGORITHM}")))?;
        let (mut credential, mut signed, mut signature) = (None, None, None);
        for field in fields.split(',') {
            let (name, value) = field.trim().split_once('=').unwrap_or((field.trim(), ""));
            let place = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed,
                "Signature" => &mut signature,
                _ => return Err(Fault::incomplete(format!("`{}` is no part of a signature", escaped(name)))),
            };
            if place.replace(value).is_some() {
                return Err(Fault::incomplete(format!("`{name}` is there twice")));
            }
        }
        let needed = |field: Option<&'a str>, name| {
            field.filter(|value| !value.is_empty()).ok_or_else(|| Fault::incomplete(format!("it has no `{name}`")))
        };
        let scope: Vec<&str> = needed(credential, "Credential")?.split('/').collect();
        let [key, date, region, service, "aws4_request"] = scope[..] else {
            return Err(Fault::incomplete("`Credential` has to be KEY/DATE/REGION/SERVICE/aws4_request"));
        };
        let plain = |part: &str| {
            (1..=128).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        if ![key, date, region, service].into_iter().all(plain) {
            return Err(Fault::incomplete("`Credential` has to be KEY/DATE/REGION/SERVICE/aws4_request"));
        }
        let bytes = digest(needed(signature, "Signature")?)
            .ok_or_else(|| Fault::incomplete("`Signature` has to be 64 hexadecimal digits"))?;
        let at = text(headers, DATE)?.ok_or_else(|| Fault::incomplete(format!("it has no header `{DATE}`")))?;
        let headers = signed_headers(needed(signed, "SignedHeaders")?, parts)?;
        if text(&parts.headers, TOKEN)?.is_some() {
            return Err(Fault::unknown_key("this host gives no temporary keys: leave the session token out"));
        }
        Ok(Self { key, region, service, bytes, date, at, headers })
    }

    /// Refused if the request was signed at another time than about now.
    ///
    /// # Errors
    /// The time has not its form, is not that of the scope, or is too far from now.
    pub fn check_time(&self, now: Timestamp) -> Answer<()> {
        let at = moment(self.at)
            .ok_or_else(|| Fault::incomplete(format!("`{DATE}` has to be a time such as 20261124T081014Z")))?;
        if !self.at.starts_with(self.date) || self.date.len() != 8 {
            return Err(Fault::mismatch("the date of `Credential` is another than that of the request"));
        }
        if now.duration_since(at).abs() > APART {
            let shown = |time: Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            let text = format!("the request was signed at {}, and this host has {}", shown(at), shown(now));
            return Err(Fault::skewed(text).tip("set the clock of the client, or of this host"));
        }
        Ok(())
    }

    /// Refused unless the request, as it is here, was signed with this secret.
    ///
    /// # Errors
    /// It is another.
    pub fn check(&self, secret: &SecretString, parts: &Parts, body: &[u8]) -> Answer<()> {
        let body = hex(&Sha256::digest(body));
        if let Some(said) = text(&parts.headers, CONTENT)?.filter(|said| *said != body) {
            let what = if digest(said).is_some() { "the body is another" } else { "the body has to be signed whole" };
            return Err(Fault::mismatch(format!("{what} than `{CONTENT}` says")));
        }
        let request = Sha256::digest(self.canonical(parts, &body));
        let scope = format!("{}/{}/{}/aws4_request", self.date, self.region, self.service);
        let signed = format!("{ALGORITHM}\n{}\n{scope}\n{}", self.at, hex(&request));
        let secret = format!("AWS4{}", secret.expose_secret());
        let mut key = mac(secret.as_bytes(), self.date.as_bytes())?;
        for part in [self.region, self.service, "aws4_request"] {
            key = mac(&key, part.as_bytes())?;
        }
        let wanted = mac(&key, signed.as_bytes())?;
        match bool::from(wanted.ct_eq(&self.bytes)) {
            true => Ok(()),
            false => Err(Fault::mismatch("the signature is not that of this request by this key")
                .tip("look at the client's secret; a proxy in between must leave `Host` and the path as they are")),
        }
    }

    /// The request in the form that is signed.
    fn canonical(&self, parts: &Parts, body: &str) -> Vec<u8> {
        let mut all = format!("{}\n/\n\n", parts.method).into_bytes();
        for name in &self.headers {
            all.extend(name.as_bytes());
            all.push(b':');
            all.extend(value(parts, name));
            all.push(b'\n');
        }
        all.extend(format!("\n{}\n{body}", self.headers.join(";")).bytes());
        all
    }
}

/// The names of the headers that are signed, in the client's order.
fn signed_headers<'a>(list: &'a str, parts: &Parts) -> Answer<Vec<&'a str>> {
    let names: Vec<&str> = list.split(';').take(MOST + 1).collect();
    let plain = |name: &&str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-' || b.is_ascii_digit())
    };
    if names.len() > MOST || !names.iter().all(plain) {
        let text = format!("`SignedHeaders` has to be up to {MOST} names in lower case with `;` between them");
        return Err(Fault::incomplete(text));
    }
    if let Some((_, name)) = names.iter().enumerate().find(|(n, name)| names[..*n].contains(name)) {
        return Err(Fault::incomplete(format!("`{name}` is twice in `SignedHeaders`")));
    }
    let missing = |name: &str| Fault::incomplete(format!("`{name}` has to be signed"));
    if let Some(name) = ["host", DATE].into_iter().find(|name| !names.contains(name)) {
        return Err(missing(name));
    }
    // What is not signed could be anybody's: the operation would be another then.
    let aws = parts.headers.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with("x-amz-"));
    if let Some(name) = aws.into_iter().find(|name| !names.contains(name)) {
        return Err(missing(name));
    }
    let absent = |name: &&&str| **name != "host" && !parts.headers.contains_key(**name);
    if let Some(name) = names.iter().find(absent) {
        return Err(Fault::incomplete(format!("`{name}` is signed, and is not there")));
    }
    Ok(names)
}

/// The value of a header as it is signed: each on one line, with one space where there are more, and a comma between several.
fn value(parts: &Parts, name: &str) -> Vec<u8> {
    let squeezed = |value: &[u8]| {
        let words = value.split(|b| b.is_ascii_whitespace()).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join(&b' ')
    };
    let values = parts.headers.get_all(name).iter().map(|value| squeezed(value.as_bytes()));
    let all = values.collect::<Vec<_>>().join(&b',');
    // HTTP/2 has the host elsewhere.
    match parts.uri.authority() {
        Some(authority) if name == "host" && !parts.headers.contains_key("host") => authority.as_str().into(),
        _ => all,
    }
}

/// A header as text; none: it is not there.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Answer<Option<&'a str>> {
    let value = headers.get(name).map(http::HeaderValue::to_str).transpose();
    value.map_err(|_| Fault::incomplete(format!("the header `{name}` is no plain text")))
}

/// `20261124T081014Z`.
fn moment(text: &str) -> Option<Timestamp> {
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    if date.len() != 8 || time.len() != 6 || !digits(date) || !digits(time) {
        return None;
    }
    let (day, clock) = (|n: usize| date.get(n..n + 2), |n: usize| time.get(n..n + 2));
    let day = format!("{}-{}-{}", date.get(..4)?, day(4)?, day(6)?);
    format!("{day}T{}:{}:{}Z", clock(0)?, clock(2)?, clock(4)?).parse().ok()
}

/// 64 hexadecimal digits in lower case.
fn digest(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return None;
    }
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    Some(bytes)
}

fn mac(key: &[u8], data: &[u8]) -> Answer<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| Fault::of_service("no key"))?;
    mac.update(data);
    Ok(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests;
