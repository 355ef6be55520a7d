//! The body of a request, and the part that an answer leaves unread.
//!
//! A connection that is closed with bytes unread is reset, and the client may lose the answer that was on its way. So
//! what comes is read to its end before an answer goes out, although nobody needs it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use tokio::time::timeout;

/// Time in which more of a body that nobody needs must come.
const REST_PAUSE: Duration = Duration::from_secs(2);
/// Time for such a body in all.
const REST_TIME: Duration = Duration::from_secs(30);

/// Answers a request once its body has come, or no more of it comes.
pub async fn read_to_end(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    // It sends the body only if it is asked for it.
    let waits = parts.headers.contains_key(header::EXPECT);
    let body = Shared::new(body);
    let response = next.run(Request::from_parts(parts, Body::new(body.clone()))).await;
    if body.was_read() || !waits {
        body.read_rest().await;
    }
    response
}

/// A body that two may read.
#[derive(Clone)]
struct Shared(Arc<Mutex<State>>);

struct State {
    body: Body,
    was_read: bool,
    pause: bool,
}

impl Shared {
    fn new(body: Body) -> Shared {
        Shared(Arc::new(Mutex::new(State { body, was_read: false, pause: false })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn was_read(&self) -> bool {
        self.state().was_read
    }

    async fn read_rest(mut self) {
        let rest = async { while let Ok(Some(Ok(_))) = timeout(REST_PAUSE, self.frame()).await {} };
        // What has not come by then never will.
        let _ = timeout(REST_TIME, rest).await;
    }
}

impl hyper::body::Body for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let state = &mut *self.state();
        state.was_read = true;
        // Readers of forms take all that there is before they hand on the first of it: let them have one piece a time.
        if std::mem::take(&mut state.pause) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let frame = Pin::new(&mut state.body).poll_frame(context);
        state.pause = frame.is_ready();
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.state().body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.state().body.size_hint()
    }
}
