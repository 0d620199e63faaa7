//! The accept loop: limits belong where connections begin.

use std::{net::IpAddr, sync::Arc};

use axum::{Extension, Router};
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::watch,
    task::JoinSet,
    time::{Duration, sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use super::{
    Limits,
    connections::{Connections, Counted},
    progress::{Counting, Heads, Progress},
};
use crate::web::{Held, Peer};

/// How long nothing is accepted after an accept failed, as it does where there are no more descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// What every connection of a listener has in common.
#[derive(Clone)]
pub struct Serving {
    /// TLS; none: plain.
    pub tls: Option<TlsAcceptor>,
    /// What answers.
    pub router: Router,
    /// What is taken of whoever comes.
    pub limits: Limits,
    /// How many there are.
    pub connections: Connections,
}

/// Serves until told to stop, and then until the requests under way are answered.
pub async fn serve(listener: TcpListener, serving: Serving, mut stop: watch::Receiver<bool>) {
    let mut tasks = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => break,
            Some(_) = tasks.join_next(), if !tasks.is_empty() => continue,
        };
        let Ok((stream, peer)) = accepted else {
            sleep(PAUSE).await;
            continue;
        };
        let peer = peer.ip().to_canonical();
        // Who is one too many is hung up on.
        let Some(counted) = serving.connections.enter(peer, &serving.limits) else { continue };
        let _ = stream.set_nodelay(true);
        let (serving, stop) = (serving.clone(), stop.clone());
        tasks.spawn(async move {
            let Some(tls) = &serving.tls else { return serving.connection(stream, (peer, counted), stop).await };
            if let Ok(Ok(stream)) = timeout(serving.limits.handshake, tls.accept(stream)).await {
                serving.connection(stream, (peer, counted), stop).await;
            }
        });
    }
    drop(listener);
    while tasks.join_next().await.is_some() {}
}

impl Serving {
    /// One connection, to its end, or until it is a WebSocket: what that stays open for counts it on.
    async fn connection(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        (peer, counted): (IpAddr, Counted),
        mut stop: watch::Receiver<bool>,
    ) {
        let (progress, heads, limits) = (Progress::default(), Heads::begin(), self.limits);
        let router = self.router.clone().layer(Extension(Peer(peer))).layer(Extension(Held(Arc::new(counted))));
        let answers = TowerToHyperService::new(router);
        let told = heads.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            told.asked();
            let (answer, told) = (answers.call(request), told.clone());
            async move {
                let answer = answer.await;
                told.answered();
                answer
            }
        });
        // Without a timer hyper heeds no time-out, and says nothing. Its own for heads counts between two requests as well.
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.idle)
            .max_headers(limits.head_lines)
            .max_buf_size(limits.head_bytes)
            .serve_connection(TokioIo::new(Counting::new(stream, progress.clone(), heads.clone())), service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        // A client that breaks the rules is no error of this server.
        tokio::select! {
            _ = connection.as_mut() => return,
            () = progress.ends(limits.idle) => return,
            () = heads.late(limits.head) => return,
            _ = stop.changed() => connection.as_mut().graceful_shutdown(),
        }
        tokio::select! {
            _ = connection => {}
            () = progress.ends(limits.idle) => {}
            () = heads.late(limits.head) => {}
        }
    }
}
