//! The serial console of an instance: its log is watched by whoever likes, and whoever has the keyboard types.

use std::{sync::Arc, thread};

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::response::Response;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::{
    Asked, Does, Told,
    flow::{Flow, Taker},
    keyboards::{Holder, Seat},
    sentence,
    socket::{Line, converse, end, limited},
};
use crate::{
    app::instance::console::{self, Watching},
    model::{Error, Name, Result, Unobserved},
    web::stay::Stay,
};

/// What waits to be told or done.
const WAITING: usize = 16;

/// Opens the console, over a connection that becomes a WebSocket.
pub fn watch(stay: Stay, name: Result<Name>, upgrade: WebSocketUpgrade) -> Response {
    limited(upgrade).on_upgrade(|mut socket| async move {
        if let Err(error) = opened(&mut socket, stay, name).await {
            end(&mut socket, &sentence(&error)).await;
        }
    })
}

async fn opened(socket: &mut WebSocket, stay: Stay, name: Result<Name>) -> Result<()> {
    let (name, stay) = (name?, Arc::new(stay));
    let _room = stay.console.terminals.room()?;
    let (by, of) = (stay.clone(), name.clone());
    let look = move || console::watch(&by.console.app, &by.who.caller, &of, &mut Unobserved);
    let watching = stay.console.workers.page(look).await?;
    let seat = Arc::new(stay.console.terminals.keyboards.sit(watching.uuid));
    let flow = Arc::<Flow>::default();
    let _taker = Taker(flow.clone());
    read(watching, flow.clone())?;
    let ((tell, told), (does, doing)) = (channel(WAITING), channel(WAITING));
    let beside = tokio::spawn(beside(stay.clone(), name, seat, tell, doing));
    converse(socket, &stay, Line { flow: &flow, told, does }).await;
    // It ends with what it was told by.
    let _ = beside.await;
    Ok(())
}

/// Reads the log on a thread of its own, which may wait for it.
fn read(mut watching: Watching, flow: Arc<Flow>) -> Result<()> {
    let reading = move || {
        loop {
            let goes_on = match watching.written() {
                Ok(Some(bytes)) => flow.push(&bytes),
                Ok(None) => {
                    flow.end("the guest has stopped");
                    false
                }
                Err(error) => {
                    flow.end(error.to_string());
                    false
                }
            };
            if !goes_on {
                return;
            }
        }
    };
    let failed = |e| Error::new(crate::model::Code::Internal, "cannot watch the console").cause(e);
    thread::Builder::new().name("console".to_owned()).spawn(reading).map_err(failed).map(drop)
}

/// What goes on beside the log: who types, and what.
async fn beside(stay: Arc<Stay>, name: Name, seat: Arc<Seat>, tell: Sender<Told>, mut doing: Receiver<Does>) {
    let mut holder = seat.holder.clone();
    holder.mark_changed();
    loop {
        tokio::select! {
            changed = holder.changed() => {
                if changed.is_err() {
                    break;
                }
                let news = keyboard(&seat, holder.borrow_and_update().as_ref());
                let _ = tell.send(news).await;
            }
            done = doing.recv() => {
                let Some(done) = done else { break };
                if let Err(error) = does(&stay, &name, &seat, done).await {
                    let _ = tell.send(Told::Note(sentence(&error))).await;
                }
            }
        }
    }
    // Its keyboard goes with it, which may take a moment.
    let _ = tokio::task::spawn_blocking(move || drop(seat)).await;
}

async fn does(stay: &Arc<Stay>, name: &Name, seat: &Arc<Seat>, done: Does) -> Result<()> {
    let (of, by, seat) = (name.clone(), stay.clone(), seat.clone());
    match done {
        Does::Types(bytes) => {
            seat.types(&bytes);
            Ok(())
        }
        // The guest does not learn it: a serial line has no size.
        Does::Asks(Asked::Size(..)) => Ok(()),
        Does::Asks(Asked::Take) => {
            let open = move || {
                let open = || console::open(&by.console.app, &by.who.caller, &of, &mut Unobserved);
                seat.take(by.who.user.as_str(), open)
            };
            stay.console.workers.page(open).await
        }
        Does::Asks(Asked::Give) => {
            let give = move || {
                seat.give();
                Ok(())
            };
            stay.console.workers.page(give).await
        }
    }
}

fn keyboard(seat: &Seat, holder: Option<&Holder>) -> Told {
    Told::Keyboard { holder: holder.map(|holder| holder.name.clone()), own: seat.is_own(holder) }
}
