//! One attempt of a health check, from the host. Blocking; the caller repeats it.

use std::{
    io::Read as _,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use crate::{
    catalog::Health,
    clock::{Clock, SystemClock},
    model::escaped,
};

/// Most of a page that is read, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// Asks an application once whether it answers on the network; a command's answer is in [`super::status`]. The error is the last answer in words, for a progress line or an error.
///
/// # Errors
/// Whatever stands between the host and the expected answer.
pub fn probe(health: &Health, address: Ipv4Addr, timeout: Duration) -> Result<(), String> {
    match health {
        Health::Command { .. } => Err("the guest itself has to run its command".to_owned()),
        Health::Tcp { port, banner } => tcp(SocketAddr::from((address, *port)), banner.as_deref(), timeout),
        Health::Http { port, path, status, text } => {
            http(SocketAddr::from((address, *port)), path, *status, text.as_deref(), timeout)
        }
    }
}

fn tcp(at: SocketAddr, banner: Option<&str>, timeout: Duration) -> Result<(), String> {
    let deadline = SystemClock.instant() + timeout;
    let mut stream =
        TcpStream::connect_timeout(&at, timeout).map_err(|e| format!("port {}: {}", at.port(), plain(&e)))?;
    let Some(banner) = banner else { return Ok(()) };
    let mut said = Vec::new();
    while said.len() < banner.len() {
        let left = deadline.saturating_duration_since(SystemClock.instant());
        if left.is_zero() {
            return Err(format!("port {} accepts but says nothing", at.port()));
        }
        stream.set_read_timeout(Some(left)).map_err(|e| plain(&e))?;
        let mut chunk = [0; 256];
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => said.extend_from_slice(&chunk[..n]),
            Err(error) => return Err(format!("port {} accepts but says nothing: {}", at.port(), plain(&error))),
        }
    }
    if said.starts_with(banner.as_bytes()) {
        return Ok(());
    }
    Err(format!("port {} says `{}`, expected `{banner}`", at.port(), escaped(&String::from_utf8_lossy(&said))))
}

/// The system's words without its number.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

fn http(at: SocketAddr, path: &str, status: u16, text: Option<&str>, timeout: Duration) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    runtime.block_on(async {
        match tokio::time::timeout(timeout, get(at, path)).await {
            Ok(answer) => check_answer(&answer?, status, text),
            Err(_) => Err(format!("http://{at}{path} gave no answer within {} s", timeout.as_secs_f32())),
        }
    })
}

/// A status and the start of its body.
struct Answer {
    status: u16,
    body: Vec<u8>,
}

async fn get(at: SocketAddr, path: &str) -> Result<Answer, String> {
    // Only the first call in a process installs it; any later one has nothing to do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .tls_certs_only([])
        .build()
        .map_err(|e| words(&e))?;
    let mut response = client.get(format!("http://{at}{path}")).send().await.map_err(|e| words(&e))?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while body.len() < MAX_BODY {
        match response.chunk().await.map_err(|e| words(&e))? {
            Some(chunk) => body.extend_from_slice(&chunk[..chunk.len().min(MAX_BODY - body.len())]),
            None => break,
        }
    }
    Ok(Answer { status, body })
}

/// The innermost cause: reqwest's own words only say that something failed.
fn words(error: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    let text = inner.to_string();
    escaped(text.split(" (os error").next().unwrap_or(&text)).to_lowercase()
}

fn check_answer(answer: &Answer, status: u16, text: Option<&str>) -> Result<(), String> {
    if answer.status != status {
        return Err(format!("HTTP {}, expected {status}", answer.status));
    }
    match text {
        Some(text) if !answer.body.windows(text.len().max(1)).any(|w| w == text.as_bytes()) => {
            Err(format!("HTTP {status}, but the page does not hold `{}`", escaped(text)))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::{Ipv4Addr, TcpListener},
        thread,
        time::Duration,
    };

    use super::probe;
    use crate::catalog::Health;

    /// A server that answers one connection with fixed bytes, after reading a request if it is to.
    fn server(answer: &'static [u8], reads: bool) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("binds");
        let port = listener.local_addr().expect("bound").port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("accepts");
            if reads {
                let mut request = [0; 1024];
                let _ = stream.read(&mut request);
            }
            let _ = stream.write_all(answer);
        });
        port
    }

    fn http(answer: &'static [u8], text: Option<&str>) -> Result<(), String> {
        let health = Health::Http {
            port: server(answer, true),
            path: "/".to_owned(),
            status: 200,
            text: text.map(str::to_owned),
        };
        probe(&health, Ipv4Addr::LOCALHOST, Duration::from_secs(5))
    }

    #[test]
    fn http_needs_the_status_and_the_text() {
        let page: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nour\xffpage!";
        assert_eq!(http(page, None), Ok(()));
        assert_eq!(http(page, Some("page!")), Ok(()));
        assert_eq!(http(page, Some("theirs")), Err("HTTP 200, but the page does not hold `theirs`".to_owned()));
        assert_eq!(
            http(b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n", None),
            Err("HTTP 502, expected 200".to_owned())
        );
        let elsewhere = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(http(elsewhere, None), Err("HTTP 302, expected 200".to_owned()));
        assert!(http(b"no http at all\r\n\r\n", None).is_err());
    }

    #[test]
    fn an_endless_page_is_read_only_so_far() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("binds");
        let port = listener.local_addr().expect("bound").port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("accepts");
            // An answer before the request is none to the client.
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            while stream.write_all(&[b'x'; 4096]).is_ok() {}
        });
        let health = Health::Http { port, path: "/".to_owned(), status: 200, text: Some("end".to_owned()) };
        let said = probe(&health, Ipv4Addr::LOCALHOST, Duration::from_secs(5));
        assert_eq!(said, Err("HTTP 200, but the page does not hold `end`".to_owned()));
    }

    #[test]
    fn silence_and_refusal_are_told() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("binds");
        let port = listener.local_addr().expect("bound").port();
        let health = Health::Http { port, path: "/x".to_owned(), status: 200, text: None };
        let said = probe(&health, Ipv4Addr::LOCALHOST, Duration::from_millis(200));
        assert_eq!(said, Err(format!("http://127.0.0.1:{port}/x gave no answer within 0.2 s")));
        // Nobody listens there, and while the port is taken at its neighbour nobody else gets it.
        let refusing = Ipv4Addr::new(127, 0, 0, 2);
        let said = probe(&health, refusing, Duration::from_secs(5));
        assert_eq!(said, Err("connection refused".to_owned()));
        let said = probe(&Health::Tcp { port, banner: None }, refusing, Duration::from_secs(5));
        assert_eq!(said, Err(format!("port {port}: connection refused")));
    }

    #[test]
    fn tcp_needs_the_banner() {
        let tcp = |answer, banner: Option<&str>| {
            let health = Health::Tcp { port: server(answer, false), banner: banner.map(str::to_owned) };
            probe(&health, Ipv4Addr::LOCALHOST, Duration::from_secs(5))
                .map_err(|e| e.split_once(' ').map(|(_, rest)| rest.to_owned()))
        };
        assert_eq!(tcp(b"SSH-2.0-OpenSSH_9.2\r\n", Some("SSH-")), Ok(()));
        assert_eq!(tcp(b"", None), Ok(()));
        let Err(Some(said)) = tcp(b"220 \x1b[2Jmail", Some("SSH-")) else { panic!("was accepted") };
        assert!(said.ends_with("says `220 \\u{1b}[2Jmail`, expected `SSH-`"), "{said}");
    }
}
