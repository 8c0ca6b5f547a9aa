//! Instants as numbers: seconds or milliseconds since 1970, where the number says which.
//!
//! Both units have the same span of time, from 1973-03-03 to 2286-11-20: a number in it is seconds
//! with 9 or 10 digits, and milliseconds with 12 or 13. A number between (11 digits) is an instant
//! of 1970 to 1973 in milliseconds and one after 2286 in seconds, and a smaller number (0 among
//! them, the value of a variable that the client never set) is an instant of 1970 to 1973 in
//! either unit. Both are refused, as is a larger number, which is microseconds or nanoseconds for
//! nearly all who send it.

use crate::error::Fault;

/// Digits of a microsecond in a second, and in a millisecond.
const SECOND_DIGITS: usize = 6;
const MILLISECOND_DIGITS: usize = 3;

/// Reads a number as JSON has it, as microseconds since the epoch. Returns `None` for another text.
pub(crate) fn read(text: &str) -> Option<Result<i64, Fault>> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let (is_negative, digits) = whole.strip_prefix('-').map_or((false, whole), |digits| (true, digits));
    let is_number = is_digits(digits)
        && (digits == "0" || !digits.starts_with('0'))
        && is_digits(fraction)
        && is_digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent));
    let micros = || if is_negative { None } else { micros(digits, fraction, exponent) };
    is_number.then(|| micros().ok_or(Fault::UnclearEpoch))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The largest power of ten that is read. Java writes seconds as `1.6974468E9`, and a number of up
/// to 13 digits as `1.697446800929E12`.
const EXPONENT_MAX: i32 = 20;

/// The microseconds of a number whose unit is clear. Digits after the microsecond are cut.
fn micros(whole: &str, fraction: &str, exponent: &str) -> Option<i64> {
    let exponent: i32 = exponent.parse().ok().filter(|exponent: &i32| exponent.abs() <= EXPONENT_MAX)?;
    let point = usize::try_from(i32::try_from(whole.len()).ok()? + exponent).ok()?;
    let digits = || whole.bytes().chain(fraction.bytes());
    let zeros = digits().take_while(|digit| *digit == b'0').count();
    let unit_digits = match point.checked_sub(zeros)? {
        9 | 10 => SECOND_DIGITS,
        12 | 13 => MILLISECOND_DIGITS,
        _ => return None,
    };
    let digits = digits().chain(std::iter::repeat(b'0')).take(point + unit_digits);
    Some(digits.fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NINE: i64 = 1_697_446_800_000_000;

    #[test]
    fn the_number_of_digits_says_the_unit() {
        for (text, wanted) in [
            ("1697446800", NINE),
            ("1697446800000", NINE),
            ("1697446800.929094", NINE + 929_094),
            ("1697446800.9290949", NINE + 929_094),
            ("1697446800929.094", NINE + 929_094),
            ("1697446800929", NINE + 929_000),
            ("1697446800.0", NINE),
            ("1.6974468E9", NINE),
            ("1.697446800929E12", NINE + 929_000),
            ("0.16974468e+10", NINE),
            ("16974468000000e-4", NINE),
            ("100000000", 100_000_000_000_000),
            ("100000000000", 100_000_000_000_000),
            ("9999999999.999999", 9_999_999_999_999_999),
            ("9999999999999.999", 9_999_999_999_999_999),
        ] {
            assert_eq!(read(text), Some(Ok(wanted)), "{text}");
        }
    }

    #[test]
    fn a_number_without_a_clear_unit_is_refused() {
        let long = "9".repeat(400);
        for text in [
            "0",
            "-1",
            "99999999",
            "99999999.9",
            "10000000000",
            "99999999999",
            "10000000000000",
            "1697446800000000",
            "1697446800000000000",
            "-1697446800",
            "-1697446800000",
            "1e99",
            "1e-99",
            "0.0",
            "1e99999999999",
            long.as_str(),
        ] {
            assert_eq!(read(text), Some(Err(Fault::UnclearEpoch)), "{text}");
        }
    }

    #[test]
    fn another_text_is_not_a_number() {
        for text in
            ["", "-", "1.", ".5", "1e", "1e+", "0x10", "+1697446800", "01697446800", "1_697_446_800", " 1697446800", "NaN", "١"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
