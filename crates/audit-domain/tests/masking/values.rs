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
        if result != expected {
            wrong.push((expected, result));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(rows.len() >= 60, "the table has only {} values", rows.len());
}
