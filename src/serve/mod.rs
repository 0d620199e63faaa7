//! The server: listeners, TLS, limits, start and stop. What is answered is `web`'s and `lightsail`'s.

mod connections;
mod limits;
mod listener;
mod options;
mod progress;
mod stopping;
mod tls;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use connections::Connections;
pub use limits::Limits;
use listener::Serving;
pub use options::{Options, Say};
use sd_notify::NotifyState;
use stopping::SLICE;
use tls::{Subjects, Tls};
use tokio::{net::TcpListener, sync::watch};

use crate::{
    app::{
        App, Caller, Right,
        session::Door,
        turns::{CHANGES, Turns},
    },
    lightsail,
    model::{Code, Error, Result},
    web::{self, Console, Hosts, Live, Stays, Terminals, Times, Workers},
};

/// How long connections have to end.
const GRACE: Duration = Duration::from_secs(5);
/// Threads that may wait: for the database, for libvirt.
const WAITING: usize = 64;

/// A server that is listening.
pub struct Server {
    /// Where.
    pub address: SocketAddr,
    listener: TcpListener,
    serving: Serving,
    tls: Option<Tls>,
    app: App,
    say: Say,
    closing: Arc<AtomicBool>,
}

impl Server {
    /// Listens.
    ///
    /// # Errors
    /// What is refused, a certificate that cannot be used, or an address that is taken.
    pub async fn bind(app: App, options: Options) -> Result<Self> {
        options.check()?;
        let app = app.lasting();
        let Options { listen, tls, names, proxy, limits, sessions, cost, say } = options;
        let subjects = Subjects::new(listen.ip(), &names);
        let tls = tls.map(|certificate| Tls::new(&app, certificate, subjects)).transpose()?;
        let taken = |e: std::io::Error| {
            Error::new(Code::CannotListen, format!("cannot listen at `{listen}`"))
                .cause(e)
                .hint("choose another address or port with `--listen`")
        };
        let listener = TcpListener::bind(listen).await.map_err(taken)?;
        let address = listener.local_addr().map_err(taken)?;
        let changes = Arc::new(Turns::of(CHANGES));
        let calls = Arc::new(lightsail::Api::new(app.clone()).with_changes(changes.clone()));
        let api: web::Api = Arc::new(move |peer, parts, body| {
            let calls = calls.clone();
            Box::pin(async move { lightsail::answer(calls, peer, &parts, body).await })
        });
        let closing = Arc::<AtomicBool>::default();
        let console = Console {
            door: Door::new(&app, sessions, cost),
            app: app.clone(),
            hosts: Hosts { address: address.ip(), names },
            scheme: if tls.is_some() { "https" } else { "http" },
            port: address.port(),
            proxy,
            times: Times { body: limits.body, answer: limits.answer },
            workers: Workers::new(changes),
            live: Live::default(),
            stays: Stays::default(),
            terminals: Terminals::default(),
            api: Some(api),
            closing: closing.clone(),
        };
        let router = web::router(Arc::new(console));
        let acceptor = tls.as_ref().map(|tls| tls.acceptor.clone());
        let serving = Serving { tls: acceptor, router, limits, connections: Connections::new(proxy) };
        Ok(Self { address, listener, serving, tls, app, say, closing })
    }

    /// By what the authority of this host is known, if its certificate is used.
    pub fn fingerprint(&self) -> Option<&str> {
        self.tls.as_ref()?.fingerprint.as_deref()
    }

    /// Set, nothing is let in any more: each request is answered that it may try again.
    pub fn closing(&self) -> Arc<AtomicBool> {
        self.closing.clone()
    }

    /// Serves until told to stop; what is under way is let end.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        // What is open without end sees that it is over.
        let (closing, mut stopped) = (self.closing.clone(), stop.clone());
        tokio::spawn(async move {
            let _ = stopped.changed().await;
            closing.store(true, Ordering::Relaxed);
        });
        let every = self.serving.limits.refresh;
        let serving = listener::serve(self.listener, self.serving, stop);
        match self.tls {
            None => serving.await,
            Some(tls) => tokio::select! {
                () = serving => {}
                () = tls.keep_fresh(self.app, every, &self.say) => {}
            },
        }
    }
}

/// The certificate of this host's own authority, PEM.
///
/// # Errors
/// The caller may not, there is none, or its file cannot be read.
pub fn authority(app: &App, caller: &Caller) -> Result<String> {
    app.require(caller, Right::Administer)?;
    tls::authority(&app.settings.paths.state)
}

/// Serves until `stop` is set. `tell` is called once it listens. Operations whose process died are taken care of meanwhile. What has begun
/// by the end is let come to the end of its steps; what only waits for its guest is gone on with by the next start.
///
/// # Errors
/// The caller may not, those of [`Server::bind`], and of `tell`.
pub fn run(
    app: App,
    caller: &Caller,
    options: Options,
    stop: &AtomicBool,
    tell: &dyn Fn(&Server) -> Result<()>,
) -> Result<()> {
    app.require(caller, Right::Administer)?;
    let failed = |e: std::io::Error| Error::new(Code::Internal, "cannot start the threads of the server").cause(e);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(WAITING)
        .enable_all()
        .build()
        .map_err(failed)?;
    let done = runtime.block_on(async {
        let (say, steps) = (options.say.clone(), options.limits.steps);
        let server = Server::bind(app.clone(), options).await?;
        tell(&server)?;
        // Without systemd there is nobody to tell.
        let _ = sd_notify::notify(&[NotifyState::Ready]);
        let closing = server.closing();
        let (end, ended) = watch::channel(false);
        let mut serving = tokio::spawn(server.run(ended));
        let tending = tokio::spawn(stopping::tend(app.clone(), caller.clone(), say.clone()));
        while !stop.load(Ordering::Relaxed) && !serving.is_finished() {
            let _ = sd_notify::notify(&[NotifyState::Watchdog]);
            tokio::time::sleep(SLICE).await;
        }
        let _ = sd_notify::notify(&[NotifyState::Stopping]);
        closing.store(true, Ordering::Relaxed);
        tending.abort();
        let deadline = tokio::time::Instant::now() + steps;
        stopping::let_end(&app, caller, deadline, &say).await;
        let _ = end.send(true);
        let _ = tokio::time::timeout(GRACE, &mut serving).await;
        // What was let in just before may have begun one.
        stopping::let_end(&app, caller, deadline, &say).await;
        Ok(())
    });
    // A thread that waits for a host which hangs is not waited for.
    runtime.shutdown_background();
    done
}
