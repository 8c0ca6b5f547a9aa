//! One line a request, and an id that ties it to the lines in between.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use tracing::Span;
use tracing_actix_web::{RequestId, RootSpanBuilder};

use crate::proxy::Client;
use crate::{Api, metrics};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The span around a request: its id and nothing else. The library's own span holds the query string.
pub(crate) struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let id = request.extensions().get::<RequestId>().map(ToString::to_string);
        tracing::info_span!("request", id)
    }

    fn on_request_end<B: MessageBody>(_: Span, _: &Result<ServiceResponse<B>, Error>) {}
}

/// Logs what was asked and how it ended, and sends the request's id as `X-Request-Id`. Query strings, keys and bodies stay out
/// of the log: they hold personal data that an erasure could not reach there.
pub(crate) async fn access_log(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let start = Instant::now();
    let (method, path) = (request.method().clone(), request.path().to_owned());
    let api = request.app_data::<web::Data<Api>>();
    let client = api.and_then(|api| Client::of(&api.config.trusted_proxies, request.request()).address);
    let client = client.map(tracing::field::display);
    let id = request.extensions().get::<RequestId>().map(ToString::to_string);
    let mut response = next.call(request).await?;
    if let Some(value) = id.as_deref().and_then(|id| HeaderValue::from_str(id).ok()) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    let (status, took) = (response.status().as_u16(), start.elapsed());
    let (route, milliseconds) = (response.request().match_pattern(), took.as_secs_f64() * 1000.0);
    metrics::answered(&method, route.as_deref(), status, took);
    let route = route.unwrap_or_default();
    tracing::info!(client, %method, path, route, status, milliseconds, "request");
    Ok(response)
}
