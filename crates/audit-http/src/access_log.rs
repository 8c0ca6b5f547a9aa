//! Writes one line for each request, and gives the request an id that connects it to its other
//! lines in the log.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use audit_store::domain::uuid::Uuid;
use audit_store::domain::{Timestamp, draw_uuid_v7, uuid_v7};
use tracing::Instrument;

use crate::metrics;
use crate::proxy::Client;
use crate::state::Api;

/// The maximum bytes of a path in the log. The longest paths of routes have half of this, and a
/// head may have 128 KiB.
const PATH_MAX: usize = 256;

/// The maximum bytes of a method in the log. The longest registered method has 17.
const METHOD_MAX: usize = 32;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Makes the ids of requests: UUIDv7s with a number that counts up from a random one. The random
/// bytes are drawn once, at the start, because a request must not fail for lack of them.
#[derive(Debug, Clone)]
pub(crate) struct RequestIds(Arc<AtomicU64>);

impl RequestIds {
    pub(crate) fn draw() -> std::io::Result<RequestIds> {
        let drawn = draw_uuid_v7(Timestamp::MAX).map_err(|error| std::io::Error::other(error.to_string()))?;
        Ok(RequestIds(Arc::new(AtomicU64::new(drawn.as_u64_pair().1))))
    }

    fn next(&self) -> Uuid {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        // A wrong clock has its own errors.
        uuid_v7(Timestamp::now().unwrap_or(Timestamp::MAX), number.to_be_bytes())
    }
}

/// Gives the request an id, which is in each line that the program logs for the request. The span
/// has no other field, because a query string may be personal data.
pub(crate) async fn access_log(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let id = request.app_data::<RequestIds>().map(|ids| ids.next().to_string());
    let span = tracing::info_span!("request", id);
    logged(request, next, id).instrument(span).await
}

/// Logs the request and its outcome, and sends the request's id as `X-Request-Id`. The log does not
/// have query strings, keys and bodies, because these are or may be personal data that an erasure
/// could not reach in the log.
async fn logged(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
    id: Option<String>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let start = Instant::now();
    let (method, path) = (request.method().clone(), cut(request.path(), PATH_MAX).into_owned());
    let api = request.app_data::<web::Data<Api>>();
    let client = api.and_then(|api| Client::from_request(&api.config.trusted_proxies, request.request()).address);
    let client = client.map(tracing::field::display);
    let mut response = next.call(request).await?;
    if let Some(value) = id.as_deref().and_then(|id| HeaderValue::from_str(id).ok()) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    let (status, took) = (response.status().as_u16(), start.elapsed());
    let (route, milliseconds) = (response.request().match_pattern(), took.as_secs_f64() * 1000.0);
    metrics::answered(&method, route.as_deref(), status, took);
    let route = route.unwrap_or_default();
    let method = cut(method.as_str(), METHOD_MAX);
    tracing::info!(client, %method, path, route, status, milliseconds, "request");
    Ok(response)
}

/// Cuts a text that a client chose, for a line of the log. The number of its bytes replaces the
/// part above the limit.
pub(crate) fn cut(text: &str, bytes_max: usize) -> Cow<'_, str> {
    if text.len() <= bytes_max {
        return Cow::Borrowed(text);
    }
    let kept = &text[..text.floor_char_boundary(bytes_max)];
    Cow::Owned(format!("{kept}… ({} bytes)", text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "abc… (4 bytes)");
        assert_eq!(cut("aéé", 2), "a… (5 bytes)");
    }
}
