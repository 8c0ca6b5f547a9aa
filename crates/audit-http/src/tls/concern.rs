//! Problems, present or near, with the dates of the certificates that the server shows.

use std::time::Duration;

use audit_store::domain::Timestamp;

use super::dates::Dates;

/// The time before the end of a certificate at which the server warns. It is long enough to renew a
/// certificate, and short enough that a certificate that renews itself a month before its end
/// causes no warning.
const WARNED_BEFORE: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// The reason why clients refuse a certificate because of its dates, or will soon refuse it. As
/// text it is the first half of a sentence; [`Concern::mend`] is the other half.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Concern {
    /// Clients refuse the certificate.
    #[error("{certificate} expired at {at}")]
    Expired {
        /// The name of the certificate, for a sentence.
        certificate: String,
        /// The last instant at which it was valid.
        at: Timestamp,
    },
    /// Clients with a correct clock refuse the certificate.
    #[error("{certificate} is not valid before {from}, and the clock says {now}")]
    NotYetValid {
        /// The name of the certificate, for a sentence.
        certificate: String,
        /// The first instant at which it will be valid.
        from: Timestamp,
        /// The current time by the clock of this machine.
        now: Timestamp,
    },
    /// Clients will refuse the certificate in less than 14 days.
    #[error("{certificate} expires at {at}, in less than 14 days")]
    ExpiresSoon {
        /// The name of the certificate, for a sentence.
        certificate: String,
        /// The last instant at which it is valid.
        at: Timestamp,
    },
}

impl Concern {
    /// Whether clients refuse the certificate already.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        !matches!(self, Concern::ExpiresSoon { .. })
    }

    /// Returns the advice how to correct the problem.
    #[must_use]
    pub fn mend(&self) -> &'static str {
        match self {
            Concern::NotYetValid { .. } => {
                "correct the clock, such as with `timedatectl set-ntp true`, or give a certificate that is valid"
            }
            _ => "renew it, then send SIGHUP to the server (`kill -HUP`)",
        }
    }

    /// Checks the dates of one certificate.
    pub(super) fn about(certificate: String, dates: Dates, now: Timestamp) -> Option<Concern> {
        let soon = now.micros().saturating_add(i64::try_from(WARNED_BEFORE.as_micros()).unwrap_or(i64::MAX));
        match dates {
            Dates { ends, .. } if ends < now => Some(Concern::Expired { certificate, at: ends }),
            Dates { begins, .. } if begins > now => Some(Concern::NotYetValid { certificate, from: begins, now }),
            Dates { ends, .. } if ends.micros() < soon => Some(Concern::ExpiresSoon { certificate, at: ends }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dates_themselves_are_valid_and_two_weeks_are_soon() {
        let dates = Dates { begins: Timestamp::parse("2026-01-01").unwrap(), ends: Timestamp::parse("2026-03-31").unwrap() };
        let concern = |now: &str| {
            let concern = Concern::about("x".to_owned(), dates, Timestamp::parse(now).unwrap());
            concern.map(|concern| (concern.is_refused(), concern.to_string()))
        };
        let said = |is_refused: bool, text: &str| Some((is_refused, text.to_owned()));
        let early = "x is not valid before 2026-01-01T00:00:00Z, and the clock says 2025-12-31T23:59:59Z";
        assert_eq!(concern("2025-12-31T23:59:59"), said(true, early));
        assert_eq!(concern("2026-01-01"), None);
        assert_eq!(concern("2026-03-17T00:00:00"), None);
        let soon = said(false, "x expires at 2026-03-31T00:00:00Z, in less than 14 days");
        assert_eq!(concern("2026-03-17T00:00:01"), soon);
        assert_eq!(concern("2026-03-31"), soon);
        assert_eq!(concern("2026-03-31T00:00:01"), said(true, "x expired at 2026-03-31T00:00:00Z"));
    }
}
