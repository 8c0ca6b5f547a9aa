//! The Python of `docs/log-format.md` verifies what this crate makes, and refuses what is changed.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::bundles::range;
use crate::log_of_entries::{LogOfEntries, ORIGIN};

/// The code of the page after a heading, and what it does with lines from the standard input.
fn script() -> String {
    let page = include_str!("../../../../docs/log-format.md");
    let (_, sections) = page.split_once("\n## Proofs of entries\n").unwrap();
    let blocks = sections.split("```python\n").skip(1).map(|block| block.split("```").next().unwrap());
    let run = "import sys\n\
               for line in sys.stdin:\n    \
                   check, value = json.loads(line)\n    \
                   try:\n        \
                       globals()[check](value)\n        \
                       print('ok')\n    \
                   except (AssertionError, IndexError):\n        \
                       print('refused')\n";
    blocks.chain([run]).collect()
}

/// What the code says of proofs and bundles.
fn verdicts(cases: &[serde_json::Value]) -> Vec<String> {
    let mut python = Command::new("python3");
    let mut python = python.args(["-c", &script()]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let mut input = python.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn the_python_of_the_page_verifies_proofs_and_ranges() {
    let (mut cases, mut expected) = (Vec::new(), Vec::new());
    let mut case = |check: &str, value: serde_json::Value, verdict: &'static str| {
        cases.push(serde_json::json!([check, value]));
        expected.push(verdict);
    };
    for size in 0..14 {
        let log = LogOfEntries::new(ORIGIN, size);
        for position in 0..size {
            let proof = log.proof(position).to_string();
            case("check_proof", proof.replace("UPDATE", "DELETE").into(), "refused");
            case("check_proof", proof.into(), "ok");
        }
        for (from, to) in (0..=size).flat_map(|to| (0..=to).map(move |from| (from, to))) {
            let lines = range(&log, from, to);
            if from < to {
                let mut short = lines.clone();
                short.remove(1);
                case("check_range", short.into(), "refused");
                let mut other = lines.clone();
                other[1].clone_from(&range(&LogOfEntries::new(ORIGIN, 20), 15, 16)[1]);
                other[1] = other[1].replace("\"position\":15", &format!("\"position\":{from}"));
                case("check_range", other.into(), "refused");
            }
            case("check_range", lines.into(), "ok");
        }
    }
    assert_eq!(verdicts(&cases), expected);
}
