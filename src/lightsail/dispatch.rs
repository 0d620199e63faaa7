//! From a request to its answer: signature, key, operation, and in which pool it runs.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header, request::Parts};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    call::{Api, Call, Handler, Shared},
    fault::{Answer, Fault},
    operations::{self, Does},
    sigv4::Signature,
    sts,
};
use crate::{
    app::{Caller, answered::ApiAsked, key},
    model::{escaped, hex},
};

const JSON: &str = "application/x-amz-json-1.1";
const XML: &str = "text/xml";
const PREFIX: &str = "Lightsail_20161128.";
const TARGET: &str = "x-amz-target";
const INVOCATION: &str = "amz-sdk-invocation-id";
/// Longest body of what makes something, which may have user-data.
const LONG: usize = 3 << 19;
/// Longest body of anything else.
const SHORT: usize = 64 << 10;

/// What a request asks for.
enum Asked {
    /// An operation of Lightsail, or why there is none of that name: told to whoever has a key.
    Operation(Answer<Does>),
    /// Who signed it.
    Identity,
}

/// Answers a request that is signed, or says that it is.
pub async fn answer(api: Arc<Api>, peer: IpAddr, parts: &Parts, body: Bytes) -> Response<Bytes> {
    let id = Uuid::new_v4().to_string();
    // Only Lightsail's protocol names its operation in a header.
    let is_json = parts.headers.contains_key(TARGET);
    let (status, body) = match exchange(&api, (peer, &id), parts, body).await {
        Ok(body) => (200, body),
        Err(fault) => (fault.status, if is_json { fault.json() } else { fault.xml(&id) }),
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    let kind = if is_json { JSON } else { XML };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

/// Whoever signed a request, and what tells it from others.
struct Signed {
    caller: Caller,
    region: String,
    asked: ApiAsked,
}

impl Signed {
    fn call<'a>(&'a self, shared: &'a Shared, body: &'a [u8]) -> Call<'a> {
        let invocation = Some(self.asked.invocation.as_str()).filter(|id| !id.is_empty());
        Call { shared, caller: &self.caller, region: &self.region, key: &self.asked.key, invocation, body }
    }
}

/// What is left of a request once it is let in.
enum Next {
    Answer(Vec<u8>),
    Change(Handler, Box<Signed>, Bytes),
}

async fn exchange(api: &Arc<Api>, (peer, id): (IpAddr, &str), parts: &Parts, body: Bytes) -> Answer<Vec<u8>> {
    let asked = asked(parts, &body)?;
    let (parts, shared, id) = (parts.clone(), api.shared.clone(), id.to_owned());
    // What only looks is done in the turn that lets it in.
    let look = move || {
        let signed = let_in(&shared, peer, &parts, &body)?;
        match asked {
            Asked::Identity => sts::answer(&signed.call(&shared, &body), &id).map(Next::Answer),
            Asked::Operation(Err(none)) => Err(none),
            Asked::Operation(Ok(Does::Read(handler))) => {
                handler(&signed.call(&shared, &body)).map(|done| Next::Answer(done.body))
            }
            Asked::Operation(Ok(Does::Change(handler))) => Ok(Next::Change(handler, Box::new(signed), body)),
        }
    };
    match api.readers.beside(look).await? {
        Next::Answer(answer) => Ok(answer),
        Next::Change(handler, signed, body) => change(api, handler, *signed, body).await,
    }
}

/// Answers a change, once for all who ask for the same again.
async fn change(api: &Arc<Api>, handler: Handler, signed: Signed, body: Bytes) -> Answer<Vec<u8>> {
    let shared = api.shared.clone();
    let turn = shared.again.turn(&signed.asked);
    let turn = turn.lock_owned().await;
    let accept = move || {
        // Held until the answer is kept, also where whoever asked is gone.
        let _turn = turn;
        let (app, again) = (&shared.app, &shared.again);
        if let Some(answer) = again.find(app, &signed.asked)? {
            return Ok((answer, Vec::new()));
        }
        let done = handler(&signed.call(&shared, &body))?;
        // It is done all the same: that it is not remembered is no reason to say that it failed.
        let _ = again.keep(app, &signed.asked, (&done.body, done.secret));
        Ok((done.body, done.works))
    };
    api.changes.change(accept).await
}

/// What a request asks for, by what is outside its body. Nothing of it is believed yet.
fn asked(parts: &Parts, body: &[u8]) -> Answer<Asked> {
    let signature = Signature::read(parts)?;
    let service = signature.service;
    if !["lightsail", "sts"].contains(&service) {
        let text = format!("this host speaks the API of Lightsail, and not that of `{}`", escaped(service));
        return Err(Fault::unknown_operation(text)
            .tip("set the endpoint for Lightsail alone: `AWS_ENDPOINT_URL_LIGHTSAIL`, or `services` in a profile"));
    }
    if parts.method != http::Method::POST || parts.uri.path() != "/" || parts.uri.query().is_some() {
        return Err(Fault::unknown_operation("requests of the API are `POST /`"));
    }
    let target = parts.headers.get(TARGET).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let longest = match &target {
        Some(target) if target.contains(".Create") => LONG,
        _ => SHORT,
    };
    if body.len() > longest {
        return Err(Fault::invalid(format!("the body is longer than {} KiB", longest >> 10)));
    }
    let Some(target) = target else {
        return match service {
            "sts" => Ok(Asked::Identity),
            _ => Err(Fault::unknown_operation(format!("the header `{TARGET}` names no operation"))),
        };
    };
    let content = parts.headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    if service != "lightsail" || content != JSON.as_bytes() {
        return Err(Fault::unknown_operation(format!("operations of Lightsail are sent as `{JSON}`")));
    }
    let name = target.strip_prefix(PREFIX).unwrap_or(&target);
    Ok(Asked::Operation(operations::find(name)))
}

/// Whoever signed a request, unless too many came before.
fn let_in(shared: &Shared, peer: IpAddr, parts: &Parts, body: &[u8]) -> Answer<Signed> {
    let who = || authenticate(shared, peer, parts, body);
    let Some(rates) = &shared.rates else { return who() };
    let signed = rates.signed(&shared.app, peer, who)?;
    rates.of_key(&shared.app, &signed.asked.key)?;
    Ok(signed)
}

/// Whoever signed a request.
fn authenticate(shared: &Shared, peer: IpAddr, parts: &Parts, body: &[u8]) -> Answer<Signed> {
    let signature = Signature::read(parts)?;
    signature.check_time(shared.app.clock.now())?;
    let signer = key::signer(&shared.app, signature.key, Some(peer))?.ok_or_else(|| {
        Fault::unknown_key("nobody comes in with this key").tip("`lite key list` shows those there are")
    })?;
    signature.check(&signer.secret, parts, body)?;
    // That a look cannot be remembered does not keep anybody from looking.
    let _ = key::used(&shared.app, signature.key, &signer, Some(peer));
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let plain = |id: &&str| id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let asked = ApiAsked {
        key: signature.key.to_owned(),
        target: header(TARGET).to_owned(),
        body: hex(&Sha256::digest(body)),
        invocation: Some(header(INVOCATION)).filter(plain).unwrap_or_default().to_owned(),
        signature: hex(&signature.bytes),
    };
    Ok(Signed { caller: signer.caller, region: shared.region(signature.region)?.to_owned(), asked })
}
