//! Decompresses bodies. A few bytes can become gigabytes, so the size and the ratio are limited, and
//! the memory is reserved as it is needed.

use std::io::Read;

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_ENCODING;
use flate2::read::MultiGzDecoder;

use super::BodyError;

/// The encodings that bodies may have, for messages and the header `Accept-Encoding`.
pub(crate) const ACCEPTED: &str = "gzip, zstd";

/// The greatest growth of a large body. Log lines grow 5 to 30 times, and events that differ in
/// nothing but their uuids 30 times. Equal lines can grow thousands of times, so the ratio counts
/// only above [`ANY_RATIO_BYTES`].
pub(super) const RATIO_MAX: usize = 300;

/// The maximum bytes of a compressed body. It is in memory together with what comes out, and both
/// have to fit into the budget.
pub(super) const COMPRESSED_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Bytes that may come out whatever the ratio: ten thousand equal events of the usual size.
const ANY_RATIO_BYTES: usize = 4 * 1024 * 1024;

/// Bytes that are decompressed at once.
const STEP_BYTES: usize = 64 * 1024;

/// The binary logarithm of the memory in bytes to which a zstd body may refer back, 8 MiB. A
/// receiver of this encoding does not have to accept more (RFC 9659).
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// An encoding of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Gzip,
    Zstd,
}

impl Encoding {
    /// The encoding that the header names; `None` if the body is not encoded. Several encodings are
    /// refused.
    pub(super) fn from_request(request: &HttpRequest) -> Result<Option<Encoding>, BodyError> {
        let values = request.headers().get_all(CONTENT_ENCODING).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let named = values.collect::<Vec<_>>().join(", ");
        match named.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(None),
            "gzip" | "x-gzip" => Ok(Some(Encoding::Gzip)),
            "zstd" => Ok(Some(Encoding::Zstd)),
            _ => Err(BodyError::Encoding(named)),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Encoding::Gzip => "gzip",
            Encoding::Zstd => "zstd",
        }
    }

    /// Decompresses a body. `reserve` is called for each step of the result, before the step is
    /// kept.
    pub(super) fn decode(
        self,
        received: &[u8],
        bytes_max: usize,
        reserve: impl FnMut(usize) -> Result<(), BodyError>,
    ) -> Result<Vec<u8>, BodyError> {
        let broken = |error: std::io::Error| BodyError::NotCompressed { encoding: self.name(), reason: reason(&error) };
        let limits = Limits { bytes_max, of_ratio: bytes_at_most(received.len()) };
        match self {
            Encoding::Gzip => limits.read(MultiGzDecoder::new(received), reserve, broken),
            Encoding::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(received).map_err(broken)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(broken)?;
                limits.read(decoder, reserve, broken)
            }
        }
    }
}

/// The largest accepted result of so many compressed bytes.
pub(super) fn bytes_at_most(received: usize) -> usize {
    received.saturating_mul(RATIO_MAX).max(ANY_RATIO_BYTES)
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "it breaks off".to_owned(),
        _ => error.to_string(),
    }
}

struct Limits {
    bytes_max: usize,
    of_ratio: usize,
}

impl Limits {
    fn read(
        &self,
        mut decoder: impl Read,
        mut reserve: impl FnMut(usize) -> Result<(), BodyError>,
        broken: impl Fn(std::io::Error) -> BodyError,
    ) -> Result<Vec<u8>, BodyError> {
        let (mut bytes, mut step) = (Vec::new(), vec![0; STEP_BYTES]);
        loop {
            let read = match decoder.read(&mut step) {
                Ok(0) => return Ok(bytes),
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(broken(error)),
            };
            let length = bytes.len() + read;
            if length > self.bytes_max {
                return Err(BodyError::DecompressedTooLarge { max: self.bytes_max });
            }
            if length > self.of_ratio {
                return Err(BodyError::Bomb);
            }
            reserve(read)?;
            super::make_room(&mut bytes, read, self.bytes_max.min(self.of_ratio))?;
            bytes.extend_from_slice(step.get(..read).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 19).unwrap()
    }

    fn decode(encoding: Encoding, received: &[u8], bytes_max: usize) -> (Result<Vec<u8>, BodyError>, usize) {
        let mut reserved = 0;
        let decoded = encoding.decode(received, bytes_max, |bytes| {
            reserved += bytes;
            Ok(())
        });
        (decoded, reserved)
    }

    #[test]
    fn compressed_bytes_come_back_also_in_parts() {
        let text: String = (0..20_000).map(|number| format!("{{\"object_id\":\"{number}\"}}\n")).collect();
        for (encoding, compress) in [(Encoding::Gzip, gzip as fn(&[u8]) -> Vec<u8>), (Encoding::Zstd, zstd)] {
            for parts in [vec![text.as_bytes()], vec![&text.as_bytes()[..100], &text.as_bytes()[100..]], vec![b""]] {
                let received: Vec<u8> = parts.iter().flat_map(|part| compress(part)).collect();
                let whole = parts.concat();
                assert_eq!(decode(encoding, &received, whole.len()), (Ok(whole.clone()), whole.len()));
                for cut in [1, received.len() / 2, received.len() - 1] {
                    let (decoded, _) = decode(encoding, &received[..cut], whole.len());
                    let said = decoded.unwrap_err().to_string();
                    assert_eq!(said, format!("The request body is not {}: it breaks off.", encoding.name()));
                }
                let (decoded, _) = decode(encoding, &[&received[..], b"rest"].concat(), whole.len());
                assert!(matches!(decoded, Err(BodyError::NotCompressed { .. })), "{decoded:?}");
            }
            assert!(matches!(decode(encoding, text.as_bytes(), 1 << 20).0, Err(BodyError::NotCompressed { .. })));
        }
    }

    #[test]
    fn a_bomb_is_refused_before_it_takes_memory() {
        let nothing = vec![b' '; 30 * 1024 * 1024];
        for (encoding, received) in [(Encoding::Gzip, gzip(&nothing)), (Encoding::Zstd, zstd(&nothing))] {
            let (decoded, reserved) = decode(encoding, &received, usize::MAX);
            assert_eq!(decoded, Err(BodyError::Bomb));
            assert!(reserved <= bytes_at_most(received.len()), "{reserved} of {}", received.len());
            let (decoded, reserved) = decode(encoding, &received, 50_000);
            assert_eq!((decoded, reserved), (Err(BodyError::DecompressedTooLarge { max: 50_000 }), 0));
        }
        let few = gzip(&vec![b' '; ANY_RATIO_BYTES]);
        assert_eq!(decode(Encoding::Gzip, &few, usize::MAX).0.unwrap().len(), ANY_RATIO_BYTES, "{} bytes", few.len());
    }

    #[test]
    fn a_zstd_body_that_needs_much_memory_is_refused() {
        let text: Vec<u8> = (0..3 * 1024 * 1024u32).flat_map(u32::to_le_bytes).collect();
        let large = |log| {
            let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
            encoder.window_log(log).unwrap();
            encoder.include_contentsize(false).unwrap();
            encoder.write_all(&text).unwrap();
            encoder.finish().unwrap()
        };
        assert_eq!(decode(Encoding::Zstd, &large(23), usize::MAX).0.unwrap().len(), text.len());
        let refused = decode(Encoding::Zstd, &large(24), usize::MAX).0.unwrap_err();
        assert!(matches!(refused, BodyError::NotCompressed { .. }), "{refused}");
    }

    #[test]
    fn memory_that_is_not_free_is_not_taken() {
        let received = gzip(&[b'x'; 100]);
        assert_eq!(Encoding::Gzip.decode(&received, 1_000, |_| Err(BodyError::KeyBusy)), Err(BodyError::KeyBusy));
    }
}
