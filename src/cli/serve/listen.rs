//! Connections, from the first to the last.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bodymap::limits;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Time in which a request's head and then its body must have come.
pub const READ_TIME: Duration = Duration::from_secs(60);

/// Time that a stop leaves to what has begun.
const STOP_TIME: Duration = Duration::from_secs(30);

/// Answers requests until the program is told to stop.
pub async fn listen(app: Router, host: &str, port: u16) -> Result<(), String> {
    let failed = |e: io::Error| format!("{host}:{port} cannot be listened on: {e} (io)");
    let listener = TcpListener::bind((host, port)).await.map_err(failed)?;
    let address: SocketAddr = listener.local_addr().map_err(failed)?;
    // Whoever cannot be told may know it nevertheless.
    let mut out = io::stdout();
    let _ = writeln!(out, "http://{address}/  (stop with Ctrl-C)").and_then(|()| out.flush());

    let mut http = http1::Builder::new();
    // A client may end its side once it has asked: `nc -N` does, and some that stand between.
    http.timer(TokioTimer::new()).header_read_timeout(READ_TIME).half_close(true);
    let connections = Arc::new(Semaphore::new(limits::MAX_CONNECTIONS));
    let open = GracefulShutdown::new();
    let mut stop = pin!(stop());
    loop {
        // More connections wait in the system's queue.
        let accepted = async {
            let place = connections.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        let watched = accepted.and_then(|(stream, _)| twins(stream));
        let Ok((stream, twin)) = watched else {
            // Such as too many open files: it passes.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app.clone()));
        let connection = open.watch(connection);
        tokio::spawn(async move {
            // A client that breaks off is no concern of others. What is done for it is dropped.
            tokio::select! {
                _ = connection => {}
                _ = twin.ready(Interest::ERROR) => {}
            }
            drop(place);
        });
    }
    drop(listener);
    // Whoever has not got an answer by then gets none.
    let _ = timeout(STOP_TIME, open.shutdown()).await;
    Ok(())
}

/// A connection, and a second handle by which its end by the client is seen. While a request is worked on, nothing is read
/// from a connection whose client may end its sending side.
fn twins(stream: TcpStream) -> io::Result<(TcpStream, TcpStream)> {
    let stream = stream.into_std()?;
    let twin = stream.try_clone()?;
    Ok((TcpStream::from_std(stream)?, TcpStream::from_std(twin)?))
}

/// Ends when the program is told to stop.
async fn stop() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    let _ = interrupted.await;
}
