//! From when until when a certificate is valid.
//!
//! rustls checks these dates of the other side's certificates and gives them to nobody, so they are read here, from the DER that rustls
//! has parsed already. It passes over everything else in a certificate.

use audit_store::domain::Timestamp;

/// The two dates of a certificate; on both it is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dates {
    pub(super) begins: Timestamp,
    pub(super) ends: Timestamp,
}

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `[0]`: the version, which a certificate of version 1 leaves out.
const VERSION: u8 = 0xa0;

impl Dates {
    /// Reads them as RFC 5280 (4.1) places them; `None` for what is not a certificate.
    pub(super) fn parse_der(der: &[u8]) -> Option<Dates> {
        let (certificate, _) = expected(SEQUENCE, der)?;
        let (signed, _) = expected(SEQUENCE, certificate)?;
        let after_version = match element(signed)? {
            (VERSION, _, rest) => rest,
            _ => signed,
        };
        let (_serial_number, _, rest) = element(after_version)?;
        let (_algorithm, rest) = expected(SEQUENCE, rest)?;
        let (_issuer, rest) = expected(SEQUENCE, rest)?;
        let (validity, _) = expected(SEQUENCE, rest)?;
        let (begins, rest) = time(validity)?;
        let (ends, _) = time(rest)?;
        Some(Dates { begins, ends })
    }
}

/// The first element: its tag, its content, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, length], rest) = der.split_first_chunk::<2>()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        // So many bytes hold the length; more than four would be more than any file has.
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length - 0x80))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

fn expected(wanted: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    element(der).filter(|(tag, ..)| *tag == wanted).map(|(_, content, rest)| (content, rest))
}

/// `YYMMDDhhmmssZ` of the years 1950 to 2049, or `YYYYMMDDhhmmssZ`.
fn time(der: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (tag, content, rest) = element(der)?;
    let text = std::str::from_utf8(content).ok().filter(|text| text.is_ascii())?;
    let (century, text) = match tag {
        UTC_TIME if text < "50" => ("20", text),
        UTC_TIME => ("19", text),
        GENERALIZED_TIME => (text.get(..2)?, text.get(2..)?),
        _ => return None,
    };
    let part = |at: usize| text.get(at..at + 2);
    let (year, month, day) = (part(0)?, part(2)?, part(4)?);
    let (hour, minute, second) = (part(6)?, part(8)?, part(10)?);
    let at = Timestamp::parse(&format!("{century}{year}-{month}-{day}T{hour}:{minute}:{second}{}", text.get(12..)?)).ok()?;
    Some((at, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(begins: (i32, u8, u8), ends: (i32, u8, u8)) -> Vec<u8> {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(begins.0, begins.1, begins.2);
        params.not_after = rcgen::date_time_ymd(ends.0, ends.1, ends.2);
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    fn dates(begins: &str, ends: &str) -> Dates {
        Dates { begins: Timestamp::parse(begins).unwrap(), ends: Timestamp::parse(ends).unwrap() }
    }

    /// Years to 2049 are written with two digits, later ones with four.
    #[test]
    fn both_forms_of_a_date_are_read() {
        assert_eq!(Dates::parse_der(&certificate((2020, 1, 2), (2049, 12, 31))), Some(dates("2020-01-02", "2049-12-31")));
        assert_eq!(Dates::parse_der(&certificate((1999, 1, 2), (2050, 1, 1))), Some(dates("1999-01-02", "2050-01-01")));
        assert_eq!(Dates::parse_der(&certificate((1950, 6, 30), (9999, 12, 31))), Some(dates("1950-06-30", "9999-12-31")));
    }

    #[test]
    fn what_is_cut_short_has_no_dates() {
        let whole = certificate((2020, 1, 2), (2050, 1, 1));
        for length in 0..whole.len() {
            assert_eq!(Dates::parse_der(&whole[..length]), None, "{length}");
        }
        assert_eq!(Dates::parse_der(&[SEQUENCE, 0x85, 1, 1, 1, 1, 1]), None);
        assert_eq!(time(&[UTC_TIME, 13, b'2', b'0', b'1', b'3', b'0', b'1', b'0', b'0', b'0', b'0', b'0', b'0', b'Z']), None);
    }
}
