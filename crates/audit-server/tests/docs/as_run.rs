//! What a snippet says and what is run instead: nothing else in a page is changed.

/// As written, as run. `{address}` and `{key}` are those of the server that the page has; the first that fits a place counts.
const AS_RUN: [(&str, &str); 14] = [
    // The page's server runs already. With the settings of this line it would start, too.
    ("cargo run --release\n", "target/release/audit-server config check\n"),
    ("target/release/audit-server serve", "target/release/audit-server config check"),
    // Serving it would not end.
    ("target/release/audit-server demo\n", "target/release/audit-server demo --fill-only --events 200\n"),
    // It takes minutes, and is what runs this test.
    (".ci/test\n", "test -x .ci/test\n"),
    // Compiled together with the tests, in the same profile.
    ("cargo run --release -p audit-domain --example ", "target/release/examples/"),
    ("cargo run --release -p audit-store --example append_in_process -- ", "target/release/examples/append_in_process "),
    ("cargo run --release -p audit-store --example nightly_report -- ", "target/release/examples/nightly_report "),
    ("cargo run --release -p audit-store --example import_ndjson -- ", "target/release/examples/import_ndjson "),
    // What people put in.
    ("127.0.0.1:8080", "{address}"),
    ("paste-the-key-here", "{key}"),
    ("number-from-the-list", "2"),
    // Installed before, once for all pages.
    ("python3 -m pip install proofbundle==6.3.1 aics-tlog==0.2.1", "python3 -m pip show --quiet proofbundle aics-tlog"),
    ("python3 -m pip install ", "python3 -m pip show --quiet "),
    ("npm install ", "node --print 'require.resolve(process.argv[1])' "),
];

/// The text as it is run.
pub(crate) fn as_run(text: &str, address: &str, key: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while !rest.is_empty() {
        if let Some((written, run)) = AS_RUN.iter().find(|(written, _)| rest.starts_with(written)) {
            out += &run.replace("{address}", address).replace("{key}", key);
            rest = &rest[written.len()..];
        } else {
            let next = rest.chars().next().unwrap();
            out.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    out
}

#[test]
fn only_what_is_in_the_table_is_changed() {
    let (address, key) = ("[::1]:7", "secret");
    assert_eq!(as_run("KEY=paste-the-key-here ü\n", address, key), "KEY=secret ü\n");
    assert_eq!(as_run("A=1 target/release/audit-server serve --workers 2\n", address, key), {
        "A=1 target/release/audit-server config check --workers 2\n"
    });
    let untouched = "target/release/audit-server export | cargo run --release -- x\n";
    assert_eq!(as_run(untouched, address, key), untouched);
}
