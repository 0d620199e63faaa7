//! What browsers get compressed: what pages load, once, and pages that hold no secret, each time.

use std::io::Write;

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use flate2::{Compression, write::GzEncoder};

/// Longest page.
const LONGEST: usize = 16 << 20;
/// What is shorter is sent as it is.
const SHORT: usize = 1024;

/// Whether a browser takes gzip.
pub fn is_taken(headers: &HeaderMap) -> bool {
    let all = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(',')).any(|one| match one.split_once(';') {
        None => one.trim() == "gzip",
        Some((name, weight)) => {
            name.trim() == "gzip" && !["q=0", "q=0.0", "q=0.00", "q=0.000"].contains(&weight.trim())
        }
    })
}

/// Compresses.
pub fn gzip(bytes: &[u8], level: Compression) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 3), level);
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// Compresses a page.
pub async fn page(request: Request, next: Next) -> Response {
    let taken = is_taken(request.headers());
    let answer = next.run(request).await;
    let is_page = |value: &HeaderValue| value.as_bytes().starts_with(b"text/html");
    if !taken || !answer.headers().get(header::CONTENT_TYPE).is_some_and(is_page) {
        return answer;
    }
    let (mut parts, body) = answer.into_parts();
    let Ok(bytes) = to_bytes(body, LONGEST).await else {
        return (StatusCode::INTERNAL_SERVER_ERROR, "this page is too long\n").into_response();
    };
    let packed = if bytes.len() < SHORT { None } else { gzip(&bytes, Compression::fast()) };
    let Some(packed) = packed else { return Response::from_parts(parts, Body::from(bytes)) };
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Response::from_parts(parts, Body::from(packed))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, header};

    use super::is_taken;

    #[test]
    fn gzip_is_taken_by_who_says_so() {
        for (said, wanted) in [
            (vec!["gzip, deflate, br"], true),
            (vec!["br", "gzip;q=0.5"], true),
            (vec!["gzip; q=0"], false),
            (vec!["xgzip"], false),
            (vec![], false),
        ] {
            let mut headers = HeaderMap::new();
            for one in &said {
                headers.append(header::ACCEPT_ENCODING, one.parse().unwrap());
            }
            assert_eq!(is_taken(&headers), wanted, "{said:?}");
        }
    }
}
