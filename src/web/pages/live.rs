//! `/live`: what moves, for the pages that are open.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::Query as Asked,
    http::HeaderMap,
    routing::{MethodRouter, get},
};

use super::super::{
    Console,
    live::{self, Topic},
    render,
    session::is_stream,
    stay::Stay,
};

/// The stream.
pub fn stream() -> MethodRouter<Arc<Console>> {
    get(async |stay: Stay, Asked(asked): Asked<HashMap<String, String>>, headers: HeaderMap| {
        let known = headers.get("last-event-id").and_then(|value| value.to_str().ok());
        let version = known.or(asked.get("v").map(String::as_str)).unwrap_or_default().to_owned();
        match Topic::parse(&asked).filter(|_| is_stream(&headers)) {
            Some(topic) => live::stream(stay, topic, version),
            None => render::nothing().await,
        }
    })
}
