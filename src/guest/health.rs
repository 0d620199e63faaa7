//! Health checks, run from the host: does the application answer as its blueprint says?

use std::{
    io::Read,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use crate::catalog::Health;

/// Most bytes read of an answer.
const MAX_BODY: usize = 64 << 10;

/// Tries once. The error is the last answer, for a person: "status 502, expected 200".
pub fn probe(health: &Health, address: Ipv4Addr, limit: Duration) -> Result<(), String> {
    match health {
        Health::Tcp { port, banner } => tcp(SocketAddr::from((address, *port)), banner.as_deref(), limit),
        Health::Http { port, path, status, text } => {
            let url = format!("http://{address}:{port}{path}");
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|e| format!("cannot make a client: {e}"))?;
            runtime.block_on(http(&url, *status, text.as_deref(), limit))
        }
    }
}

fn tcp(address: SocketAddr, banner: Option<&str>, limit: Duration) -> Result<(), String> {
    let mut stream =
        TcpStream::connect_timeout(&address, limit).map_err(|e| format!("no connection to port {}: {e}", address.port()))?;
    let Some(banner) = banner else { return Ok(()) };
    stream.set_read_timeout(Some(limit)).map_err(|e| e.to_string())?;
    let mut first = vec![0; banner.len()];
    stream.read_exact(&mut first).map_err(|e| format!("port {} said nothing: {e}", address.port()))?;
    if first == banner.as_bytes() {
        Ok(())
    } else {
        Err(format!("port {} said `{}`, expected `{banner}`", address.port(), crate::model::escaped(&String::from_utf8_lossy(&first))))
    }
}

async fn http(url: &str, status: u16, text: Option<&str>, limit: Duration) -> Result<(), String> {
    let client = crate::image::client()
        .timeout(limit)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(|e| format!("cannot make a client: {e}"))?;
    let mut response = client.get(url).send().await.map_err(|e| format!("no answer from {url}: {}", innermost(&e)))?;
    if response.status().as_u16() != status {
        return Err(format!("{url} answered status {}, expected {status}", response.status().as_u16()));
    }
    let Some(text) = text else { return Ok(()) };
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| format!("{url}: {}", innermost(&e)))? {
        body.extend_from_slice(&chunk);
        if body.len() >= MAX_BODY {
            break;
        }
    }
    if String::from_utf8_lossy(&body).contains(text) {
        Ok(())
    } else {
        Err(format!("{url} answered without the text `{text}`"))
    }
}

/// The cause at the bottom of a chain: reqwest's own words repeat the URL.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
