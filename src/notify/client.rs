//! Sends one message (B3, B6): no redirect, no proxy, to an address that was checked and is pinned.

use std::{net::SocketAddr, time::Duration};

use jiff::Timestamp;
use reqwest::{Url, header};
use secrecy::ExposeSecret;

use super::{
    address::{self, Allowed},
    mail,
    outbox::Job,
    schedule::Answer,
    signature,
};

const CONNECT: Duration = Duration::from_secs(5);
const TOTAL: Duration = Duration::from_secs(15);

/// Sends it. Only the status matters: the body of the answer is not read.
pub async fn send(job: &Job, now: Timestamp) -> Answer {
    if let (Some(to), Some(server)) = (mail::address_of(job.url.expose_secret()), &job.ways.mail) {
        return mail::send(server, to, &job.body).await;
    }
    match tokio::time::timeout(TOTAL, attempt(job, now)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(why)) => Answer::Nothing(why),
        Err(_) => Answer::Nothing(format!("no answer within {} s", TOTAL.as_secs())),
    }
}

async fn attempt(job: &Job, now: Timestamp) -> Result<Answer, String> {
    let url = address::parse(job.url.expose_secret()).map_err(|e| e.message)?;
    let at = look_up(&url, &job.ways.allowed).await?;
    // Only the first call in a process installs it; any later one has nothing to do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder();
    if url.scheme() == "http" {
        // No certificates are needed, and a host without any can send too.
        builder = builder.tls_certs_only([]);
    }
    let client = builder
        .no_proxy()
        .retry(reqwest::retry::never())
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .timeout(TOTAL)
        .resolve(url.host_str().unwrap_or_default(), at)
        .user_agent(concat!("lite/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|e| words(&e))?;
    let seconds = now.as_second();
    let mut request = client.post(url);
    if let Some((name, value)) = job.header.as_ref().and_then(|h| super::header::parse(h.expose_secret()).ok()) {
        request = request.header(name, value);
    }
    let response = request
        .header(header::CONTENT_TYPE, &job.content_type)
        .header("webhook-id", &job.message.id)
        .header("webhook-timestamp", seconds.to_string())
        .header("webhook-signature", signature::header(&job.secrets, &job.message.id, seconds, &job.body))
        .body(job.body.clone())
        .send()
        .await
        .map_err(|e| words(&e))?;
    let after = response.headers().get(header::RETRY_AFTER).and_then(|v| v.to_str().ok()).map(str::to_owned);
    Ok(Answer::Status(response.status().as_u16(), after))
}

/// Resolves the host and checks the answer again: it may have changed since the contact was saved.
async fn look_up(url: &Url, allowed: &Allowed) -> Result<SocketAddr, String> {
    let (url, allowed) = (url.clone(), allowed.clone());
    let found = tokio::task::spawn_blocking(move || {
        address::resolve(&url).and_then(|all| address::choose(&all, &allowed)).map_err(|e| e.to_string())
    });
    match tokio::time::timeout(CONNECT, found).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(e)) => Err(e.to_string()),
        Err(_) => Err("the name server gave no answer within 5 s".to_owned()),
    }
}

/// The innermost cause, without the address, which may hold a secret.
fn words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    let text = inner.to_string();
    crate::model::escaped(text.split(" (os error").next().unwrap_or(&text))
}
