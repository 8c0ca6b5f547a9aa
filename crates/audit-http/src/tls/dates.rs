//! The dates between which a certificate is valid.
//!
//! rustls checks these dates of the other side's certificates and does not expose them. So
//! x509-parser reads them here, from the DER that rustls has already parsed. The extensions are not
//! needed and are not parsed.

use audit_store::domain::Timestamp;
use x509_parser::certificate::X509CertificateParser;
use x509_parser::nom::Parser;
use x509_parser::time::ASN1Time;

/// The two dates of a certificate. It is valid at both instants and between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dates {
    pub(super) begins: Timestamp,
    pub(super) ends: Timestamp,
}

impl Dates {
    /// Reads the dates. Returns `None` if the bytes are not a certificate.
    pub(super) fn parse_der(der: &[u8]) -> Option<Dates> {
        let (_, certificate) = X509CertificateParser::new().with_deep_parse_extensions(false).parse(der).ok()?;
        let at = |time: ASN1Time| Timestamp::from_micros(time.timestamp().checked_mul(1_000_000)?);
        let validity = certificate.validity();
        Some(Dates { begins: at(validity.not_before)?, ends: at(validity.not_after)? })
    }
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

    /// Years up to 2049 are written with two digits, later years with four.
    #[test]
    fn both_forms_of_a_date_are_read() {
        assert_eq!(Dates::parse_der(&certificate((2020, 1, 2), (2049, 12, 31))), Some(dates("2020-01-02", "2049-12-31")));
        assert_eq!(Dates::parse_der(&certificate((1999, 1, 2), (2050, 1, 1))), Some(dates("1999-01-02", "2050-01-01")));
        assert_eq!(Dates::parse_der(&certificate((1950, 6, 30), (9999, 12, 31))), Some(dates("1950-06-30", "9999-12-31")));
    }

    #[test]
    fn what_is_cut_short_has_no_dates() {
        let mut whole = certificate((2020, 1, 2), (2050, 1, 1));
        for length in 0..whole.len() {
            assert_eq!(Dates::parse_der(&whole[..length]), None, "{length}");
        }
        // A length of five bytes.
        assert_eq!(Dates::parse_der(&[0x30, 0x85, 1, 1, 1, 1, 1]), None);
        // The thirteenth month.
        let month = whole.windows(13).position(|text| text == b"200102000000Z").unwrap() + 2;
        whole[month..month + 2].copy_from_slice(b"13");
        assert_eq!(Dates::parse_der(&whole), None);
    }
}
