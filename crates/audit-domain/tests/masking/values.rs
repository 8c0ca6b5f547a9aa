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
