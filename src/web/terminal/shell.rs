//! Logging in to an instance by ssh, on a terminal of its own.

use std::{process::ExitStatus, sync::Arc};

use axum::{
    extract::ws::{WebSocket, WebSocketUpgrade},
    response::Response,
};
use pty_process::{OwnedReadPty, OwnedWritePty, Size};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Child,
    sync::mpsc::{Receiver, channel},
};

use super::{
    Asked, Does,
    flow::Flow,
    sentence,
    socket::{Line, converse, end, limited},
};
use crate::{
    app::instance::login,
    model::{Code, Error, Name, Result, Unobserved},
    web::stay::Stay,
};

/// Pieces of what is typed that wait.
const WAITING: usize = 64;
/// Most columns and rows of a terminal.
const LARGEST: u16 = 1000;

/// Logs in, over a connection that becomes a WebSocket.
pub fn log_in(stay: Stay, name: Result<Name>, upgrade: WebSocketUpgrade) -> Response {
    limited(upgrade).on_upgrade(|mut socket| async move {
        if let Err(error) = opened(&mut socket, stay, name).await {
            end(&mut socket, &sentence(&error)).await;
        }
    })
}

async fn opened(socket: &mut WebSocket, stay: Stay, name: Result<Name>) -> Result<()> {
    let (name, stay) = (name?, Arc::new(stay));
    let _room = stay.console.terminals.room()?;
    let by = stay.clone();
    let look = move || login::shell(&by.console.app, &by.who.caller, &name, &mut Unobserved);
    let (command, lasting) = stay.console.workers.page(look).await?;
    let failed = |e: pty_process::Error| Error::new(Code::NoSsh, "cannot run `ssh`").cause(e);
    let begun = || {
        let (pty, place) = pty_process::open()?;
        pty.resize(Size::new(24, 80))?;
        let ssh = pty_process::Command::new(command.get_program()).args(command.get_args());
        let child = ssh.env("TERM", "xterm-256color").kill_on_drop(true).spawn(place)?;
        Ok((pty, child))
    };
    let (pty, child) = begun().map_err(failed)?;
    let (reads, writes) = pty.into_split();
    let flow = Arc::<Flow>::default();
    let reading = tokio::spawn(read(reads, child, flow.clone()));
    // Nothing is told beside what ssh says.
    let ((_tell, told), (does, doing)) = (channel(1), channel(WAITING));
    let writing = tokio::spawn(write(writes, doing));
    converse(socket, &stay, Line { flow: &flow, told, does }).await;
    // With both halves ssh loses its terminal, and ends.
    reading.abort();
    writing.abort();
    let _ = (reading.await, writing.await);
    let _ = tokio::task::spawn_blocking(move || drop(lasting)).await;
    Ok(())
}

async fn read(mut from: OwnedReadPty, mut child: Child, flow: Arc<Flow>) {
    let mut buffer = vec![0; 16 << 10];
    // A terminal that nobody has open any more reads as an error.
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        flow.push(&buffer[..count]);
    }
    flow.end(why(child.wait().await.ok()));
}

async fn write(mut to: OwnedWritePty, mut doing: Receiver<Does>) {
    while let Some(done) = doing.recv().await {
        let is_done = match done {
            Does::Types(bytes) => to.write_all(&bytes).await.is_ok(),
            Does::Asks(Asked::Size(columns, rows)) => {
                let _ = to.resize(Size::new(rows.clamp(1, LARGEST), columns.clamp(1, LARGEST)));
                true
            }
            Does::Asks(Asked::Take | Asked::Give) => true,
        };
        if !is_done {
            return;
        }
    }
}

/// Why ssh ended.
fn why(status: Option<ExitStatus>) -> String {
    match status.and_then(|status| status.code()) {
        Some(0) => "the shell has ended".to_owned(),
        Some(255) => "the connection has ended".to_owned(),
        Some(code) => format!("the shell has ended with exit code {code}"),
        None => "ssh was ended".to_owned(),
    }
}
