//! Answers that a page shows: what is written must be what comes, but for what `…` stands for, and for times.

/// Whether what was said ends with what is shown.
pub(crate) fn ends_as_shown(said: &str, shown: &str) -> bool {
    let (said, shown) = (without_times(said.trim_end()), without_times(shown.trim_end()));
    let pieces: Vec<&str> = shown.split('…').collect();
    !shown.is_empty() && said.char_indices().any(|(at, _)| fits(&said[at..], &pieces))
}

/// Whether the pieces are there in this order, from the first byte to the last.
fn fits(text: &str, pieces: &[&str]) -> bool {
    let Some((first, others)) = pieces.split_first() else { return false };
    let Some(rest) = text.strip_prefix(first) else { return false };
    let mut places = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    if others.is_empty() { rest.is_empty() } else { places.any(|at| fits(&rest[at..], others)) }
}

/// Date-times in UTC, of whatever precision, all become the same.
fn without_times(text: &str) -> String {
    const FORM: &[u8] = b"0000-00-00T00:00:00";
    let is_time = |bytes: &[u8]| {
        let fits = |(form, byte): (&u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { form == byte };
        bytes.len() > FORM.len() && FORM.iter().zip(bytes).all(fits)
    };
    let (mut out, mut rest) = (String::new(), text);
    while let Some(character) = rest.chars().next() {
        let end = if is_time(rest.as_bytes()) { rest[..rest.len().min(28)].find('Z') } else { None };
        match end {
            Some(end) => {
                out += "(time)";
                rest = &rest[end + 1..];
            }
            None => {
                out.push(character);
                rest = &rest[character.len_utf8()..];
            }
        }
    }
    out
}

#[test]
fn only_what_is_left_out_and_times_may_differ() {
    let said = "{\"status\":\"ok\"}{\"uuid\":\"0b2c\",\"at\":\"2026-11-22T16:56:23.865036Z\",\"count\":3}\n";
    for shown in [
        r#"{"uuid":"0b2c","at":"2023-10-16T09:00:00Z","count":3}"#,
        r#"{"uuid":"…","at":"…","count":3}"#,
        r#"{"uuid":"0b…,"count":3}"#,
        r#"{"uuid":…}"#,
        "…",
    ] {
        assert!(ends_as_shown(said, shown), "{shown}");
    }
    for shown in [
        r#"{"uuid":"0b2c","at":"2023-10-16T09:00:00Z","count":4}"#,
        r#"{"uuid":"…","count":3,…}"#,
        r#"{"status":"ok"}"#,
        r#"{"uuid":"…","at":"…""#,
        "",
    ] {
        assert!(!ends_as_shown(said, shown), "{shown}");
    }
}
