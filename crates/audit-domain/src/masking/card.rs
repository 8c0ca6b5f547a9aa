//! Numbers of payment cards: the length and the first digits of a network, and the check digit of
//! Luhn.

/// Digits of the shortest card number that counts. Cards with shorter numbers are no longer issued.
pub(super) const CARD_DIGITS_MIN: usize = 14;

/// Calls back for each card number in a text: its range. The digits are in one run, or in groups as
/// they are printed on a card.
pub(super) fn each_card(text: &[u8], mut found: impl FnMut(usize, usize)) {
    let is_part = |byte: &u8| byte.is_ascii_digit() || b" -".contains(byte);
    let mut at = 0;
    // A number is at least so long that one of its characters is looked at.
    while let Some(probe) = text.get(at + CARD_DIGITS_MIN - 1) {
        if !is_part(probe) {
            at += CARD_DIGITS_MIN;
            continue;
        }
        let probed = at + CARD_DIGITS_MIN - 1;
        let start = text[at..probed].iter().rposition(|byte| !is_part(byte)).map_or(at, |before| at + before + 1);
        let end = text[probed..].iter().position(|byte| !is_part(byte)).map_or(text.len(), |after| probed + after);
        each_card_between(text, start, end, &mut found);
        at = end + 1;
    }
}

/// Calls back for each card number in a run of digits and separators.
fn each_card_between(text: &[u8], start: usize, end: usize, found: &mut impl FnMut(usize, usize)) {
    let mut at = start;
    while let Some(start) = text[at..end].iter().position(u8::is_ascii_digit).map(|next| at + next) {
        let mut end = start + run(text, start);
        if !starts_inside(text, start) {
            let card = match end - start {
                14..=16 => Some(end),
                4 => groups(text, start),
                _ => None,
            };
            if let Some(card_end) = card.filter(|card_end| !ends_inside(text, *card_end) && is_card(&text[start..*card_end])) {
                found(start, card_end);
                end = card_end;
            }
        }
        at = end;
    }
}

/// Whether a text has a card number.
pub(super) fn has_card(text: &[u8]) -> bool {
    let mut is_card = false;
    each_card(text, |_, _| is_card = true);
    is_card
}

/// The number of digits from an offset on.
fn run(text: &[u8], at: usize) -> usize {
    text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// Whether digits continue something: a word, a fraction, a negative number, a group.
fn starts_inside(text: &[u8], at: usize) -> bool {
    let before = |distance: usize| at.checked_sub(distance).map_or(b' ', |at| text[at]);
    before(1).is_ascii_alphanumeric()
        || before(1) >= 0x80
        || b"_.-+%\\".contains(&before(1))
        || (before(1) == b' ' && before(2).is_ascii_digit())
}

fn ends_inside(text: &[u8], at: usize) -> bool {
    let after = |distance: usize| text.get(at + distance).copied().unwrap_or(b' ');
    after(0).is_ascii_alphanumeric()
        || after(0) >= 0x80
        || after(0) == b'_'
        || (b".- ".contains(&after(0)) && after(1).is_ascii_digit())
}

/// The end of groups of 4, 4, 4, 4 digits or of 4, 6, 5 digits with the same separator.
fn groups(text: &[u8], start: usize) -> Option<usize> {
    let separator = *text.get(start + 4).filter(|byte| b" -".contains(byte))?;
    [&[4, 4, 4][..], &[6, 5], &[6, 4]].into_iter().find_map(|lengths| {
        lengths.iter().try_fold(start + 4, |at, length| {
            (text.get(at) == Some(&separator) && at + 1 < text.len() && run(text, at + 1) == *length).then_some(at + 1 + length)
        })
    })
}

/// Whether the digits of a text are the number of a card.
fn is_card(text: &[u8]) -> bool {
    let digits: Vec<u32> = text.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| u32::from(byte - b'0')).collect();
    let first = |count: usize| digits[..count].iter().fold(0, |number, digit| number * 10 + digit);
    let is_of_a_network = digits.len() >= CARD_DIGITS_MIN
        && match digits.len() {
            14 => matches!(first(3), 300..=305 | 309 | 360..=369 | 380..=399),
            15 => matches!(first(2), 34 | 37),
            16 => {
                matches!(first(4), 2221..=2720 | 3528..=3589 | 6011)
                    || matches!(first(3), 400..=499 | 510..=559 | 644..=649)
                    || matches!(first(2), 62 | 65)
            }
            _ => false,
        };
    is_of_a_network && digits.iter().any(|digit| *digit != digits[0]) && luhn(&digits)
}

fn luhn(digits: &[u32]) -> bool {
    let weigh = |(at, digit): (usize, &u32)| if at % 2 == 0 { *digit } else { digit * 2 / 10 + digit * 2 % 10 };
    digits.iter().rev().enumerate().map(weigh).sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cards(text: &str) -> Vec<&str> {
        let mut cards = Vec::new();
        each_card(text.as_bytes(), |from, to| cards.push(&text[from..to]));
        cards
    }

    #[test]
    fn cards_are_found_in_one_run_and_in_groups() {
        assert_eq!(cards("4111111111111111"), ["4111111111111111"]);
        assert_eq!(cards("pay 4111 1111 1111 1111, or 5500-0000-0000-0004."), ["4111 1111 1111 1111", "5500-0000-0000-0004"]);
        assert_eq!(cards("amex 378282246310005 / 3782 822463 10005"), ["378282246310005", "3782 822463 10005"]);
        assert_eq!(cards("card=30569309025904&x"), ["30569309025904"]);
        for (before, after) in (0..40).flat_map(|before| (0..20).map(move |after| (before, after))) {
            for card in ["30569309025904", "4111 1111 1111 1111"] {
                let text = format!("{},{card},{}", "x".repeat(before), "1 ".repeat(after));
                assert_eq!(cards(&text), [card], "{text}");
            }
        }
    }

    #[test]
    fn other_numbers_are_not_cards() {
        for text in [
            "4111111111111112",
            "41111111111111110",
            "a4111111111111111",
            "0.4111111111111111",
            "-4111111111111111",
            "12345678-4111-1111-1111-111111111111",
            "1111 4111 1111 1111 1111",
            "4111 1111-1111 1111",
            "1700000000000000",
            "4444444444444444",
            "411111111111111",
            "",
        ] {
            assert_eq!(cards(text), [""; 0], "{text}");
        }
    }
}
