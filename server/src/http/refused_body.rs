//! What is still coming in of a request that is refused already.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::Response,
};
use futures::StreamExt;
use hyper::body::{Frame, SizeHint};
use parking_lot::Mutex;

/// Reads what a handler left of a body before it is refused, up to so many bytes: a client that still
/// sends when its connection ends may never see why.
pub(crate) async fn read_refused_body(
    State(max_bytes): State<usize>,
    request: Request,
    next: Next,
) -> Response {
    let mut body = Arc::new(Mutex::new(Body::empty()));
    let request = request.map(|whole| {
        body = Arc::new(Mutex::new(whole));
        Body::new(Shared(body.clone()))
    });
    let response = next.run(request).await;
    if response.status() >= StatusCode::BAD_REQUEST {
        let mut rest = Body::new(Shared(body)).into_data_stream();
        let mut read = 0;
        while read < max_bytes
            && let Some(Ok(bytes)) = rest.next().await
        {
            read += bytes.len();
        }
    }
    response
}

/// A body that can be read on after whoever began to has gone.
struct Shared(Arc<Mutex<Body>>);

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut *self.0.lock()).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().size_hint()
    }
}
