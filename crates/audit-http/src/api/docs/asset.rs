//! Files that are built into the binary. The server compresses each file once for each coding that
//! it supports, not once for each client.

use std::io::Write;
use std::sync::OnceLock;

use actix_web::http::header::{AcceptEncoding, CONTENT_ENCODING, ContentEncoding, Encoding, VARY};
use actix_web::{HttpMessage, HttpRequest, HttpResponseBuilder};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::blocking::block;
use crate::not_done::NotDone;

/// A text and its compressed forms.
pub(super) struct Asset {
    plain: Bytes,
    gzip: Bytes,
    deflate: Bytes,
}

impl Asset {
    fn compress(plain: Bytes) -> std::io::Result<Asset> {
        let (mut gzip, mut deflate) =
            (GzEncoder::new(Vec::new(), Compression::default()), ZlibEncoder::new(Vec::new(), Compression::default()));
        gzip.write_all(&plain)?;
        deflate.write_all(&plain)?;
        Ok(Asset { gzip: gzip.finish()?.into(), deflate: deflate.finish()?.into(), plain })
    }

    /// Answers with the form that the client accepts, as the middleware `Compress` would choose it.
    /// The header `Content-Encoding` makes `Compress` leave the body unchanged.
    pub(super) fn answer(&self, request: &HttpRequest, mut response: HttpResponseBuilder) -> actix_web::HttpResponse {
        let spoken = [Encoding::identity(), Encoding::gzip(), Encoding::deflate()];
        let chosen = request.get_header::<AcceptEncoding>().and_then(|accepted| accepted.negotiate(spoken.iter()));
        let (name, bytes) = match chosen {
            Some(Encoding::Known(ContentEncoding::Gzip)) => ("gzip", &self.gzip),
            Some(Encoding::Known(ContentEncoding::Deflate)) => ("deflate", &self.deflate),
            _ => return response.insert_header((VARY, "accept-encoding")).body(self.plain.clone()),
        };
        response.insert_header((CONTENT_ENCODING, name)).insert_header((VARY, "accept-encoding")).body(bytes.clone())
    }
}

/// The place that keeps an asset after the first request for it.
pub(super) struct Cell(OnceLock<Asset>);

impl Cell {
    pub(super) const fn new() -> Cell {
        Cell(OnceLock::new())
    }

    /// Returns the asset. The first call compresses it on a blocking thread: the largest file takes
    /// a tenth of a second.
    pub(super) async fn get(
        &'static self,
        text: impl FnOnce() -> Result<Bytes, String> + Send + 'static,
    ) -> Result<Result<&'static Asset, String>, NotDone> {
        if let Some(asset) = self.0.get() {
            return Ok(Ok(asset));
        }
        block(move || {
            let asset = Asset::compress(text()?).map_err(|error| error.to_string())?;
            Ok(self.0.get_or_init(|| asset))
        })
        .await
    }
}
