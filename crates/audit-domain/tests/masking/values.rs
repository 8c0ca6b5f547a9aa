//! The table of values: what is masked inside a text whose name says nothing.

use super::{masked_message, table};

#[test]
fn values_of_the_table_are_masked_or_left() {
    let rows = table("values.txt");
    let mut wrong = Vec::new();
    for row in &rows {
        // `⟦…⟧` is the secret. Tokens are written in parts around `~`, so that no scanner takes them for real.
        let row = row.replace("~", "").replace("\\n", "\n").replace("\\r", "\r");
        let mut parts = row.split(['⟦', '⟧']);
        let mut text = String::new();
        let mut expected = String::new();
        while let Some(plain) = parts.next() {
            text.push_str(plain);
            expected.push_str(plain);
            if let Some(secret) = parts.next() {
                text.push_str(secret);
                expected.push_str("[masked]");
            }
        }
        let result = masked_message(&text);
        // What is masked stays as it is when it is imported again.
        let again = masked_message(&expected);
        if result != expected || again != expected {
            wrong.push((expected, result, again));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(rows.len() >= 60, "the table has only {} values", rows.len());
}

/// In a text that has escapes of its own, a secret may stand again directly after one.
#[test]
fn a_secret_is_found_again_after_an_escape() {
    assert_eq!(masked_message(r"token=Zq7Vw93kLm x=\nZq7Vw93kLm\n"), r"token=[masked] x=\n[masked]\n");
    assert_eq!(masked_message("token=Zq7Vw93kLm aZq7Vw93kLm"), "token=[masked] aZq7Vw93kLm");
}

/// Whatever a sentence says before the name of a secret, and however the value is assigned.
#[test]
fn the_words_before_a_name_do_not_hide_its_value() {
    const BEFORE: [&str; 30] = [
        "",
        "1 ",
        "line 12 ",
        "with ",
        "no ",
        "is ",
        "has ",
        "n ",
        "min ",
        "use ",
        "show ",
        "set ",
        "requires ",
        "count ",
        "public ",
        "her ",
        "user=bob ",
        "user bob, ",
        "(",
        "'",
        "\n",
        "é ",
        "--",
        "my_",
        "user.",
        "X-",
        "new_",
        "a=1;",
        "a=1|",
        "GET /x?",
    ];
    const NAMES: [&str; 9] =
        ["password", "Password", "passwd", "token", "api_key", "apiKey", "client_secret", "session_key", "passphrase"];
    const SEPARATORS: [&str; 9] = ["=", ": ", ":", " = ", "=>", " : ", "='", "=\"", ": '"];
    // Before a colon they are a part of the name: a number of tokens, a public key.
    let is_other_name = |before: &str, name: &str, separator: &str| {
        let is_key = ["token", "api_key", "apiKey", "session_key"].contains(&name);
        separator.contains(':') && ((before == "public " && is_key) || (before == "min " && name == "token"))
    };
    let mut missed = Vec::new();
    for (before, name, separator) in
        BEFORE.iter().flat_map(|b| NAMES.iter().flat_map(move |n| SEPARATORS.iter().map(move |s| (*b, *n, *s))))
    {
        let quote = separator.trim_start_matches([' ', ':', '=', '>']);
        for after in ["", " failed", ", x=1"] {
            let text = format!("{before}{name}{separator}Swordfish29x{quote}{after}");
            let is_masked = !masked_message(&text).contains("Swordfish29x");
            if is_masked == is_other_name(before, name, separator) {
                missed.push(text);
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}
