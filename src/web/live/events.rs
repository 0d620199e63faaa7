//! The stream of one page.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::header,
    response::{IntoResponse, Response},
};
use hyper::body::Frame;
use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    time::interval,
};

use super::{
    Shown, Subscription, Topic,
    difference::{difference, event},
    looker,
};
use crate::web::stay::{Over, Stay};

/// How often something is said, so that no proxy takes the connection for idle.
const PING: Duration = Duration::from_secs(20);
/// Events that wait for a browser.
const WAITING: usize = 2;

/// A body that comes as it is made.
struct Events(Receiver<Bytes>);

impl HttpBody for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// The stream of a topic, for a page that shows the version of it that it says.
pub fn stream(stay: Stay, topic: Topic, version: String) -> Response {
    let (subscription, begin) = stay.console.live.subscribe(topic, &stay.who.caller);
    if begin {
        tokio::spawn(looker::look(stay.console.clone()));
    }
    let (send, events) = channel(WAITING);
    tokio::spawn(tell(stay, subscription, version, send));
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::new(Events(events))).into_response()
}

async fn tell(stay: Stay, mut subscription: Subscription, version: String, send: Sender<Bytes>) {
    let (mut over, mut ping) = (std::pin::pin!(stay.over()), interval(PING));
    // What the page shows; before the first look all that is known of it is what it says.
    let mut before: Option<Arc<Shown>> = None;
    let mut says = Some(version);
    // Who came after a look is shown what was seen by it.
    subscription.shown.mark_changed();
    loop {
        let text = tokio::select! {
            why = &mut over => {
                // Where the server stops the page comes back by itself.
                if why == Over::Session {
                    let _ = send.send(Bytes::from_static(b"event: over\ndata: over\n\n")).await;
                }
                return;
            }
            () = send.closed() => return,
            _ = ping.tick() => ": here\n\n".to_owned(),
            changed = subscription.shown.changed() => {
                if changed.is_err() {
                    return;
                }
                let Some(now) = subscription.shown.borrow_and_update().clone() else { continue };
                let is_shown = says.take().is_some_and(|says| says == now.version);
                let text = if is_shown { String::new() } else { difference(before.as_deref(), &now) };
                let text = if text.is_empty() { text } else { event(&now.version, &text) };
                before = Some(now);
                text
            }
        };
        if !text.is_empty() && send.send(text.into()).await.is_err() {
            return;
        }
    }
}
