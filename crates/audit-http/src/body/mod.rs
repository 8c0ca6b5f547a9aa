//! Reads request bodies within a size, a time, a rate and the memory that is free for them.

pub(crate) mod charset;
mod encoding;
mod error;

pub(crate) use encoding::ACCEPTED as ACCEPTED_ENCODINGS;
pub(crate) use error::BodyError;

use std::time::Duration;

use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::{HttpRequest, web};
use audit_store::Reservation;
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use crate::admission::Room;
use crate::blocking;
use crate::state::Api;
use encoding::Encoding;

/// A body that arrived whole. Its share of the budget lives as long as the body, and then goes on
/// with the entries that are appended.
pub(crate) struct Body {
    pub(crate) bytes: Vec<u8>,
    pub(crate) reservation: Reservation,
}

impl Body {
    /// Reads a body. It refuses a body whose announced length is too large before it reads
    /// anything.
    pub(crate) async fn read(api: &Api, request: &HttpRequest, payload: web::Payload, room: Room<'_>) -> Result<Body, BodyError> {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let encoding = Encoding::from_request(request)?;
        let announced: Option<usize> = header(CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let (key, bytes_max) = (room.key, room.bytes_max);
        let room =
            if encoding.is_some() { Room { bytes_max: bytes_max.min(encoding::COMPRESSED_BYTES_MAX), ..room } } else { room };
        let is_cut = room.bytes_max < bytes_max;
        let too_large = |error| match error {
            BodyError::TooLarge { max } if is_cut => BodyError::CompressedTooLarge { max },
            error => error,
        };
        if announced.is_some_and(|length| length > room.bytes_max) {
            return Err(too_large(BodyError::TooLarge { max: room.bytes_max }));
        }
        let length_max = announced.unwrap_or(room.bytes_max);
        let mut body = collect(payload, length_max, room, api.config.body_timeout).await.map_err(too_large)?;
        if let Some(encoding) = encoding {
            body = body.decompressed(api, key, encoding, bytes_max).await?;
        }
        body.in_utf8(api, key, request).await
    }

    /// Decompresses a body, when it is the key's turn.
    async fn decompressed(self, api: &Api, key: i64, encoding: Encoding, bytes_max: usize) -> Result<Body, BodyError> {
        let Body { bytes: received, mut reservation } = self;
        let work = encoding::bytes_at_most(received.len()).min(bytes_max);
        let decode = move || {
            let bytes = encoding.decode(&received, bytes_max, |bytes| Ok(reservation.grow(bytes)?))?;
            drop(received);
            // The compressed bytes are gone.
            reservation.settle(bytes.len());
            Ok(Body { bytes, reservation })
        };
        blocking::compute(api, key, work, decode).await?
    }

    /// Converts a body of any charset into UTF-8. A form stays as it is, because its escapes are in
    /// its charset too and are decoded with it.
    async fn in_utf8(mut self, api: &Api, key: i64, request: &HttpRequest) -> Result<Body, BodyError> {
        let charset = charset::from_request(request)?;
        if media_type(request) == FORM {
            return if charset::is_of_forms(charset) { Ok(self) } else { Err(BodyError::Charset(charset.name().to_owned())) };
        }
        if charset == encoding_rs::UTF_8 {
            return charset::marked_utf16(&self.bytes).map_or(Ok(self), |utf16| Err(BodyError::ByteOrderMark(utf16)));
        }
        // Both texts are in memory at once, and decoding takes time. So the server reserves the
        // memory first, and decodes when it is the key's turn.
        let received = std::mem::take(&mut self.bytes);
        let length = received.len();
        self.reservation.grow(length)?;
        let decoded = blocking::compute(api, key, length, move || charset::decode(charset, &received)).await;
        self.bytes = decoded??.into_bytes();
        self.reservation.grow(self.bytes.len().saturating_sub(2 * length))?;
        Ok(self)
    }
}

/// The media type of forms.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// Collects the bytes of a body. It takes from the budget as the bytes arrive: bytes that are only
/// announced take no memory and must not keep other requests out.
async fn collect(mut payload: web::Payload, length_max: usize, room: Room<'_>, timeout: Duration) -> Result<Body, BodyError> {
    let mut reservation = room.budget.share_of(room.key);
    let mut bytes = Vec::new();
    let mut pace = Pace::start(timeout);
    loop {
        let Ok(chunk) = timeout_at(pace.deadline(), payload.next()).await else {
            return Err(pace.fault(bytes.len(), timeout));
        };
        let Some(chunk) = chunk else { return Ok(Body { bytes, reservation }) };
        let chunk = chunk.map_err(|error| BodyError::Broken(error.to_string()))?;
        if bytes.len() + chunk.len() > room.bytes_max {
            return Err(BodyError::TooLarge { max: room.bytes_max });
        }
        reservation.grow(chunk.len())?;
        make_room(&mut bytes, chunk.len(), length_max)?;
        bytes.extend_from_slice(&chunk);
        pace.arrived(bytes.len());
    }
}

/// The least memory for the first bytes of a body, unless the body is shorter.
const FIRST_BYTES: usize = 64 * 1024;

/// The factor by which the memory grows when it is full. Memory that is not written to is not
/// resident, and a buffer that grows rarely leaves few holes in the heap.
const GROWTH: usize = 8;

/// Reserves memory for the next bytes of a body, up to the length that the body can have.
fn make_room(bytes: &mut Vec<u8>, chunk: usize, length_max: usize) -> Result<(), BodyError> {
    let needed = bytes.len() + chunk;
    if needed > bytes.capacity() {
        let capacity = (GROWTH * bytes.capacity()).max(FIRST_BYTES).min(length_max).max(needed);
        bytes.try_reserve_exact(capacity - bytes.len()).map_err(|_| BodyError::Busy)?;
    }
    Ok(())
}

/// The bytes that must arrive in any [`RATE_WINDOW`] before the end of the body; otherwise the
/// server gives the body up. Without this rate, a body could hold its share of the budget for the
/// whole of `body_timeout` with a byte now and then. 1.6 KiB/s is slower than a telephone on GPRS,
/// whose pauses of some seconds the window bridges.
const RATE_BYTES_MIN: usize = 16 * 1024;
const RATE_WINDOW: Duration = Duration::from_secs(10);

/// The time that a body may still take: in all, and for the next bytes.
struct Pace {
    end: Instant,
    window_end: Instant,
    /// The bytes that had arrived when the window began.
    before: usize,
}

impl Pace {
    fn start(timeout: Duration) -> Pace {
        let now = Instant::now();
        Pace { end: now + timeout, window_end: now + RATE_WINDOW, before: 0 }
    }

    fn deadline(&self) -> Instant {
        self.end.min(self.window_end)
    }

    /// Begins the next window as soon as enough bytes for this one have arrived. So the server
    /// gives up a body that stops one window later.
    fn arrived(&mut self, bytes: usize) {
        if bytes - self.before >= RATE_BYTES_MIN {
            (self.before, self.window_end) = (bytes, Instant::now() + RATE_WINDOW);
        }
    }

    /// Returns the fault of a body that has reached the deadline.
    fn fault(&self, bytes: usize, timeout: Duration) -> BodyError {
        if self.end <= self.window_end {
            return BodyError::Timeout { seconds: timeout.as_secs() };
        }
        BodyError::TooSlow { bytes: bytes - self.before }
    }
}

/// Reads a body as text.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, BodyError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let position = error.valid_up_to();
        BodyError::NotUtf8 { position, byte: bytes.get(position).copied().unwrap_or_default() }
    })
}

/// Returns the media type of a body in lower case, without parameters. It is empty if the request
/// names none.
pub(crate) fn media_type(request: &HttpRequest) -> String {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    value.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}
