//! A WebSocket with a terminal at its end.

use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use tokio::{
    sync::mpsc::{Receiver, Sender},
    time::{interval, timeout},
};

use super::{
    Asked, Does, Told,
    flow::{Budget, Flow},
};
use crate::web::stay::Stay;

/// How often a browser is asked whether it is still there, so that no proxy takes the connection for idle.
const PING: Duration = Duration::from_secs(20);
/// How long it may say nothing, and how long it may take for a message.
const SILENT: Duration = Duration::from_secs(60);
const SLOW: Duration = Duration::from_secs(30);
/// Most bytes of one message.
const MESSAGE: usize = 64 << 10;

/// An upgrade within these limits.
pub(super) fn limited(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade.max_message_size(MESSAGE).max_frame_size(MESSAGE)
}

/// What the two ends of a terminal share.
pub(super) struct Line<'a> {
    /// What is shown.
    pub flow: &'a Flow,
    /// What is told beside it.
    pub told: Receiver<Told>,
    /// What the browser does.
    pub does: Sender<Does>,
}

/// Moves what comes both ways, until one end is gone.
pub(super) async fn converse(socket: &mut WebSocket, stay: &Stay, line: Line<'_>) {
    let Line { flow, mut told, does } = line;
    let begun = Instant::now();
    let (mut budget, mut ping, mut heard) = (Budget::default(), interval(PING), Instant::now());
    let mut over = std::pin::pin!(stay.over());
    ping.tick().await;
    loop {
        tokio::select! {
            over = &mut over => return end(socket, over.why()).await,
            taken = flow.next(&mut budget, || begun.elapsed()) => {
                if taken.dropped > 0 && !tell(socket, &Told::Dropped(taken.dropped)).await {
                    return;
                }
                if !taken.bytes.is_empty() && !send(socket, Message::Binary(taken.bytes.into())).await {
                    return;
                }
                if let Some(why) = taken.end {
                    return end(socket, &why).await;
                }
            }
            Some(news) = told.recv() => {
                if !tell(socket, &news).await {
                    return;
                }
            }
            message = socket.recv() => {
                heard = Instant::now();
                let done = match message {
                    Some(Ok(Message::Binary(bytes))) => Does::Types(bytes),
                    Some(Ok(Message::Text(text))) => match serde_json::from_str::<Asked>(&text) {
                        Ok(asked) => Does::Asks(asked),
                        Err(_) => return end(socket, "this is not spoken here").await,
                    },
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                };
                stay.used();
                if does.send_timeout(done, SLOW).await.is_err() {
                    return end(socket, "what is typed is not taken").await;
                }
            }
            _ = ping.tick() => {
                if heard.elapsed() > SILENT || !send(socket, Message::Ping(bytes::Bytes::new())).await {
                    return;
                }
            }
        }
    }
}

/// Says that it is over.
pub(super) async fn end(socket: &mut WebSocket, why: &str) {
    let frame = CloseFrame { code: close_code::NORMAL, reason: "".into() };
    if tell(socket, &Told::End(why.to_owned())).await {
        send(socket, Message::Close(Some(frame))).await;
    }
}

async fn tell(socket: &mut WebSocket, told: &Told) -> bool {
    match serde_json::to_string(told) {
        Ok(text) => send(socket, Message::Text(text.into())).await,
        Err(_) => false,
    }
}

async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(timeout(SLOW, socket.send(message)).await, Ok(Ok(())))
}
