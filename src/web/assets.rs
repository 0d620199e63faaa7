//! What pages load: embedded, and named by its content, so that a browser asks for each once. `vendor/` is others' work, byte for byte:
//! `vendor/versions.json` says whose.

use std::sync::{LazyLock, OnceLock};

use axum::{
    extract::{Path, RawQuery},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use flate2::Compression;

use super::compress;
use crate::access::digest;

/// An asset.
struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// Assets, by their kinds and files.
macro_rules! assets {
    ($($name:literal: $kind:ident = $file:literal $(+ $more:literal)*),* $(,)?) => {
        [$(Asset {
            name: $name,
            kind: $kind,
            text: concat!(include_str!(concat!("assets/", $file)) $(, "\n", include_str!(concat!("assets/", $more)))*),
        }),*]
    };
}

const ALL: [Asset; 11] = assets![
    "style.css": STYLE = "style.css",
    "login.js": SCRIPT = "login.js",
    "page.js": SCRIPT = "page.js",
    "terminal.js": SCRIPT = "terminal.js",
    "xterm.mjs": SCRIPT = "vendor/xterm.mjs",
    "xterm.css": STYLE = "vendor/xterm.css",
    "addon-fit.mjs": SCRIPT = "vendor/addon-fit.mjs",
    "charts.js": SCRIPT = "charts.js",
    "uplot.js": SCRIPT = "vendor/uPlot.iife.min.js",
    "uplot.css": STYLE = "vendor/uPlot.min.css",
    // In one: htmx begins once it is there, and an extension that came after that would be too late.
    "htmx.js": SCRIPT = "vendor/htmx.min.js" + "vendor/hx-sse.min.js",
];

/// What stands behind `?` in the address of each.
static VERSIONS: LazyLock<[String; ALL.len()]> = LazyLock::new(|| ALL.map(|asset| digest(asset.text)[..16].to_owned()));

/// Each compressed, once it is asked for.
static PACKED: [OnceLock<Option<Vec<u8>>>; ALL.len()] = [const { OnceLock::new() }; ALL.len()];

/// The address of an asset; none: there is none of this name.
pub fn address(name: &str) -> Option<String> {
    let n = ALL.iter().position(|asset| asset.name == name)?;
    Some(format!("/assets/{name}?{}", VERSIONS[n]))
}

/// `GET /assets/NAME`.
pub fn handler<S: Clone + Send + Sync + 'static>() -> MethodRouter<S> {
    get(asset)
}

async fn asset(Path(name): Path<String>, RawQuery(version): RawQuery, headers: HeaderMap) -> Response {
    let Some(n) = ALL.iter().position(|asset| asset.name == name) else { return StatusCode::NOT_FOUND.into_response() };
    let kept = match version.as_deref() == Some(&VERSIONS[n]) {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let about = [(header::CONTENT_TYPE, ALL[n].kind), (header::CACHE_CONTROL, kept), (header::VARY, "Accept-Encoding")];
    let pack = || compress::gzip(ALL[n].text.as_bytes(), Compression::best());
    match PACKED[n].get_or_init(pack).as_deref().filter(|_| compress::is_taken(&headers)) {
        Some(packed) => (about, [(header::CONTENT_ENCODING, "gzip")], packed).into_response(),
        None => (about, ALL[n].text).into_response(),
    }
}
