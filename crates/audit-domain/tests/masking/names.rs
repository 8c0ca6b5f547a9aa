//! The table of names: which of them names a secret.

use super::{masked, masked_message, table};

#[test]
fn names_of_the_table_are_masked_or_left() {
    let rows = table("keys.txt");
    let mut wrong = Vec::new();
    for row in &rows {
        let (answer, rest) = row.split_once(' ').unwrap();
        let (name, value) = rest.split_once(" = ").unwrap_or((rest, "\"Xk29-vLq8\""));
        let is_masked = masked(&format!("{{\"{name}\":{value}}}")).1.is_some();
        if is_masked != (answer == "mask") {
            wrong.push(row);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(rows.len() >= 200, "the table has only {} names", rows.len());
}

/// The pass for needles must find whatever the walk would find: here the walk runs because of the
/// second member.
#[test]
fn a_name_is_masked_alone_as_it_is_beside_a_secret() {
    for row in table("keys.txt") {
        let rest = row.split_once(' ').unwrap().1;
        let (name, value) = rest.split_once(" = ").unwrap_or((rest, "\"Xk29-vLq8\""));
        let alone = masked(&format!("{{\"{name}\":{value}}}")).0;
        let beside = masked(&format!("{{\"{name}\":{value},\"password\":\"x\"}}")).0;
        let alone = alone.strip_suffix('}').unwrap();
        assert_eq!(beside, format!("{alone},\"password\":\"[masked]\"}}"), "{row}");
    }
}

#[test]
fn escapes_do_not_hide_a_name() {
    for name in [r"pass\u0077ord", r"\u0070assword", r"api\u005fkey", r"api\u0020key", r"pass\u0057ord", r"PASSWOR\u0044"] {
        let (text, slot) = masked(&format!(r#"{{"{name}":"hunter2"}}"#));
        assert_eq!(text, format!(r#"{{"{name}":"[masked]"}}"#));
        assert!(slot.is_some());
    }
    assert_eq!(masked_message("a\npassword=x"), "a\npassword=[masked]");
    assert_eq!(masked_message("a\tpwd=x y"), "a\tpwd=[masked] y");
    assert_eq!(masked_message(r"C:\notes\token.txt"), r"C:\notes\token.txt");
}
