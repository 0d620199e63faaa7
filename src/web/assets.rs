//! What pages load: embedded, and named by its content, so that a browser asks for each once.

use std::sync::LazyLock;

use axum::{
    extract::{Path, RawQuery},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};

use crate::access::digest;

/// An asset.
struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

const ALL: [Asset; 3] = [
    Asset { name: "style.css", kind: "text/css; charset=utf-8", text: include_str!("assets/style.css") },
    Asset { name: "login.js", kind: "text/javascript; charset=utf-8", text: include_str!("assets/login.js") },
    Asset { name: "page.js", kind: "text/javascript; charset=utf-8", text: include_str!("assets/page.js") },
];

/// What stands behind `?` in the address of each.
static VERSIONS: LazyLock<[String; ALL.len()]> = LazyLock::new(|| ALL.map(|asset| digest(asset.text)[..16].to_owned()));

/// The address of an asset; none: there is none of this name.
pub fn address(name: &str) -> Option<String> {
    let n = ALL.iter().position(|asset| asset.name == name)?;
    Some(format!("/assets/{name}?{}", VERSIONS[n]))
}

/// `GET /assets/NAME`.
pub fn handler<S: Clone + Send + Sync + 'static>() -> MethodRouter<S> {
    get(asset)
}

async fn asset(Path(name): Path<String>, RawQuery(version): RawQuery) -> Response {
    let Some(n) = ALL.iter().position(|asset| asset.name == name) else { return StatusCode::NOT_FOUND.into_response() };
    let kept = match version.as_deref() == Some(&VERSIONS[n]) {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    ([(header::CONTENT_TYPE, ALL[n].kind), (header::CACHE_CONTROL, kept)], ALL[n].text).into_response()
}
