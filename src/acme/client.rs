//! The HTTP client that speaks to an authority. An answer is bounded in size.

use std::{fs, future::Future, path::Path, pin::Pin};

use bytes::Bytes;
use http::Request;
use instant_acme::{BodyWrapper, BytesResponse, Error as AcmeError, HttpClient};
use reqwest::{Body, Certificate, Client, Response};

/// Most bytes that are read of an answer. A chain of certificates has a few KiB.
const MOST: usize = 1 << 20;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Speaks HTTPS, and reads no more than [`MOST`] bytes of an answer.
pub struct Bounded(Client);

impl Bounded {
    /// A client that trusts the certificates in a file, or those that the system does.
    ///
    /// # Errors
    /// The file cannot be read, or has no certificate.
    pub fn new(ca: Option<&Path>) -> Result<Self, Failure> {
        let mut builder = Client::builder().https_only(true).redirect(reqwest::redirect::Policy::none());
        if let Some(file) = ca {
            builder = builder.tls_certs_only(Certificate::from_pem_bundle(&fs::read(file)?)?);
        }
        Ok(Self(builder.build()?))
    }
}

impl HttpClient for Bounded {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, AcmeError>> + Send>> {
        let client = self.0.clone();
        Box::pin(async move { exchange(&client, request).await.map_err(AcmeError::Other) })
    }
}

async fn exchange(client: &Client, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Failure> {
    let server = request.uri().to_string();
    let mut answer =
        client.execute(request.map(Body::wrap).try_into()?).await.map_err(|error| not_reached(&server, &error))?;
    let body = bounded(&mut answer).await?;
    let (parts, _) = http::Response::from(answer).into_parts();
    Ok(BytesResponse { parts, body: Box::new(body) })
}

/// An error that names the server; without it nobody would know who it was that did not answer.
fn not_reached(server: &str, error: &dyn std::error::Error) -> Failure {
    let innermost = std::iter::successors(Some(error), |error| error.source()).last().unwrap_or(error);
    format!("`{server}` cannot be reached: {innermost}").into()
}

async fn bounded(answer: &mut Response) -> Result<Bytes, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > MOST {
            return Err(format!("an answer has more than {MOST} bytes").into());
        }
    }
    Ok(body.into())
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpListener,
        thread,
    };

    use super::*;
    use crate::acme::runtime;

    /// What comes of an answer with a body of so many bytes.
    fn read(length: usize) -> Result<usize, String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/dir", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            // Whoever has read enough goes.
            let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n")
                .and_then(|()| stream.write_all(&vec![b'x'; length]));
        });
        let runtime = runtime().unwrap();
        let client = Bounded(Client::builder().tls_certs_only([]).build().unwrap());
        let request = Request::get(url).body(BodyWrapper::from(Vec::new())).unwrap();
        let answer = runtime.block_on(async {
            let mut answer = client.request(request).await.map_err(|e| e.to_string())?;
            answer.body.into_bytes().await.map_err(|e| e.to_string())
        });
        // With them the connection goes, which the server may wait for.
        drop((client, runtime));
        server.join().unwrap();
        answer.map(|body| body.len())
    }

    #[test]
    fn an_answer_is_read_up_to_a_limit() {
        assert_eq!(read(MOST), Ok(MOST));
        assert_eq!(read(8 * MOST), Err(format!("an answer has more than {MOST} bytes")));
    }
}
