//! Reads numbers as Python reads them.

/// The value of a decimal that a client sent to an integer filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decimal {
    /// A whole number within 64 bits.
    Whole(i64),
    /// A fraction above this whole number and below the next.
    Over(i64),
    /// A number beyond 64 bits.
    Beyond {
        /// Whether it is below all integers of 64 bits.
        negative: bool,
    },
}

impl Decimal {
    /// Reads a text that Python's `Decimal` reads as a finite number. Returns `None` for any other
    /// text.
    pub(crate) fn parse(text: &str) -> Option<Decimal> {
        // Python drops underscores at any position.
        let text = text.trim().replace('_', "");
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(&text)),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent_value(exponent)?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() && fraction.is_empty() || !is_digits(whole) || !is_digits(fraction) {
            return None;
        }
        let digits: String = format!("{whole}{fraction}");
        // The exponent moves the point to the right from its position. Zeros after the point change
        // nothing.
        let digits = digits.trim_start_matches('0');
        let significant = digits.trim_end_matches('0');
        if significant.is_empty() {
            return Some(Decimal::Whole(0));
        }
        let zeros = (digits.len() - significant.len()) as i64;
        let zeros = zeros.saturating_add(exponent).saturating_sub(fraction.len() as i64);
        let sign = if negative { "-" } else { "" };
        let within = |digits: &str, zeros: usize| format!("{sign}{digits}{}", "0".repeat(zeros)).parse::<i64>().ok();
        Some(match usize::try_from(zeros) {
            Ok(zeros @ 0..=19) => within(significant, zeros).map_or(Decimal::Beyond { negative }, Decimal::Whole),
            Ok(_) => Decimal::Beyond { negative },
            Err(_) => {
                let cut = significant.len().saturating_sub(usize::try_from(zeros.unsigned_abs()).unwrap_or(usize::MAX));
                let towards_zero = if cut == 0 { Some(0) } else { within(&significant[..cut], 0) };
                let floor = towards_zero.and_then(|whole| if negative { whole.checked_sub(1) } else { Some(whole) });
                floor.map_or(Decimal::Beyond { negative }, Decimal::Over)
            }
        })
    }
}

fn exponent_value(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let huge = if text.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 };
    Some(text.parse().unwrap_or(huge).clamp(i64::MIN / 2, i64::MAX / 2))
}

/// Reads a text that Python's `int()` accepts: blanks around it, a sign, and digits with single
/// underscores between them. A number beyond 64 bits becomes the nearest integer of 64 bits.
pub(crate) fn whole_number(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let groups_are_digits = digits.split('_').all(|group| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit()));
    if !groups_are_digits {
        return None;
    }
    let beyond = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    Some(text.replace('_', "").parse().unwrap_or(beyond))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_whole_or_match_nothing() {
        for (text, number) in [
            (" 34 ", 34),
            ("+34", 34),
            ("034", 34),
            ("34.0", 34),
            ("34.", 34),
            ("3.4e1", 34),
            ("-0", 0),
            (".0", 0),
            ("1e18", 10i64.pow(18)),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
            ("3400e-2", 34),
            ("1_000", 1000),
            ("0e99999999999999999999", 0),
        ] {
            assert_eq!(Decimal::parse(text), Some(Decimal::Whole(number)), "{text}");
        }
        for (text, floor) in [
            ("851.5", 851),
            ("-851.5", -852),
            ("1e-1", 0),
            ("-1e-99999999999999999999", -1),
            ("12345e-2", 123),
            ("9223372036854775807.5", i64::MAX),
        ] {
            assert_eq!(Decimal::parse(text), Some(Decimal::Over(floor)), "{text}");
        }
        for (text, negative) in [
            ("9223372036854775808", false),
            ("-9223372036854775809", true),
            ("1e400", false),
            ("-1e99999999999999999999", true),
            ("9223372036854775808.5", false),
            ("-9223372036854775808.5", true),
        ] {
            assert_eq!(Decimal::parse(text), Some(Decimal::Beyond { negative }), "{text}");
        }
        for text in ["", "+", "_", "abc", "1a", "1e", "--1", "1 2", "0x10", "NaN", "Infinity", ".", "1,5", "é", "1e1.5", "null"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn whole_numbers_are_pythons() {
        for (text, number) in [("2", 2), (" +2 ", 2), ("01", 1), ("-1", -1), ("1_000", 1000), ("99999999999999999999", i64::MAX)] {
            assert_eq!(whole_number(text), Some(number), "{text}");
        }
        for text in ["", "2.0", "1e1", "_1", "1__0", "0x1", "last", "1'"] {
            assert_eq!(whole_number(text), None, "{text}");
        }
    }
}
