//! `content-types`: the registry from a file, and what it does for an import.

use std::path::Path;

use crate::common::{program, run, run_with_input};
use crate::data;

const DUMP: &str = r#"[{"model":"contenttypes.contenttype","pk":7,"fields":{"app_label":"orders","model":"order"}},
    {"model":"contenttypes.contenttype","pk":8,"fields":{"app_label":"orders","model":"line"}}]"#;

#[test]
fn a_dump_of_django_is_taken_over_and_fills_what_is_imported() {
    let directory = tempfile::tempdir().unwrap();
    let import = |text: &str| run_with_input(program(directory.path()).args(["content-types", "import", "-"]), text.as_bytes());
    assert_eq!(import(DUMP).ok(), "2 new, 0 changed, 0 unchanged\n");
    let swapped = r#"{"7":{"app_label":"orders","model":"line"},"8":{"app_label":"orders","model":"order"}}"#;
    assert_eq!(import(swapped).ok(), "0 new, 2 changed, 0 unchanged\n");
    assert_eq!(import(DUMP).ok(), "0 new, 2 changed, 0 unchanged\n");
    let taken = import(r#"[{"id":9,"app_label":"orders","model":"order"},{"id":10,"app_label":"a","model":"b"}]"#);
    assert_eq!(taken.sentence(), "orders.order already belongs to content type 7, which is not in the file: nothing was changed");
    let both = import(r#"[{"id":9,"app_label":"a","model":"b"},{"id":10,"app_label":"a","model":"b"}]"#);
    assert_eq!(both.sentence(), "`-`: record 2: the name a.b already belongs to content type 9");
    let other_app = import(r#"[{"model":"auth.group","pk":1,"fields":{"name":"x"}}]"#);
    assert_eq!(other_app.sentence(), "`-`: has no content types; `manage.py dumpdata contenttypes` writes a file of them");
    let natural = import(r#"[{"model":"contenttypes.contenttype","fields":{"app_label":"auth","model":"user"}}]"#);
    let wanted = "`-`: record 1: has no pk: dump without --natural-primary, because the import needs the numbers";
    assert_eq!(natural.sentence(), wanted);
    let bad = import(r#"[{"id":9,"app_label":"","model":"order"}]"#);
    assert!(bad.sentence().starts_with("`-`: record 1: app_label must be a name of 1 to 100 characters"), "{bad:?}");
    let listed = run(program(directory.path()).args(["content-types", "list"])).ok();
    assert_eq!(listed, "7\torders.order\n8\torders.line\n");

    std::fs::write(
        directory.path().join("e.ndjson"),
        "{\"content_type\":7}\n{\"table_name\":\"orders.line\"}\n{\"action\":null}\n",
    )
    .unwrap();
    run(program(directory.path()).args(["import", "e.ndjson"])).ok();
    let exported = run(program(directory.path()).arg("export")).ok();
    let types: Vec<_> = exported
        .lines()
        .map(|line| {
            let event = data::members(line);
            (event.get("content_type").copied(), event.get("table_name").copied())
        })
        .collect();
    let both = |number, name| (Some(number), Some(name));
    assert_eq!(types, [both("7", "\"orders.order\""), both("8", "\"orders.line\""), (None, None)]);
}

#[test]
fn a_packed_dump_is_unpacked_and_what_cannot_be_read_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let import = |file: &str| run(program(directory.path()).args(["content-types", "import", file]));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, DUMP.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    std::fs::write(directory.path().join("types.json.gz"), &packed).unwrap();
    std::fs::write(directory.path().join("cut.json.gz"), &packed[..packed.len() / 2]).unwrap();
    std::fs::write(directory.path().join("utf16.json"), b"\xff\xfe[\0]\0").unwrap();
    assert_eq!(import("types.json.gz").ok(), "2 new, 0 changed, 0 unchanged\n");
    for file in ["cut.json.gz", "utf16.json", "missing.json"] {
        let sentence = import(file).sentence().to_owned();
        assert!(sentence.starts_with(&format!("cannot read `{file}`: ")), "{sentence}");
    }
    assert_eq!(import("types.json.gz").ok(), "0 new, 0 changed, 2 unchanged\n");
}

#[test]
fn the_types_of_the_real_events_are_taken_over() {
    let directory = tempfile::tempdir().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/content_types.json");
    let types: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let number = types.as_object().unwrap().len();
    assert_eq!(
        run(program(directory.path()).args(["content-types", "import"]).arg(file)).ok(),
        format!("{number} new, 0 changed, 0 unchanged\n")
    );
    assert_eq!(run(program(directory.path()).args(["content-types", "list"])).ok().lines().count(), number);
}
