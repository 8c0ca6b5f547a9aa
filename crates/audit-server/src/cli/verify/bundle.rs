//! A bundle, line by line: one line and one frontier are in memory.

use audit_http::store::domain::log::{
    BundleHeader, BundleHeaderError, BundleLine, BundleRefused, BundleSummary, BundleVerifier, DOCUMENT_BYTES_MAX, EntryVerdict,
    NodeHash, TrustError, Verdict,
};

use super::Check;
use super::evidence::BundleLines;
use super::report::{FileResult, Proven, Report, Status, Unproven};
use crate::lines::Line;

pub(super) fn verify(mut lines: BundleLines, check: &Check<'_>, report: &mut Report<'_>) -> FileResult {
    let mut verifier = open(&mut lines, check)?;
    let kept_size = check.kept.as_ref().map(|kept| kept.size());
    let mut kept_root = root_at(&verifier, kept_size);
    loop {
        match lines.next() {
            Ok(None) => break,
            Ok(Some((number, line))) => one_line(&mut verifier, number, &line, report),
            Err(error) => return Err(cut(verifier, &format!("line {} cannot be read: {error}", lines.number()), report)),
        }
        kept_root = kept_root.or_else(|| root_at(&verifier, kept_size));
    }
    match verifier.finish() {
        Ok(summary) => {
            count(&summary, report);
            conclude(summary, check, kept_root)
        }
        Err(BundleRefused { fault, summary }) => {
            report.missing(summary.missing_at_end.clone());
            count(&summary, report);
            Err(Unproven::Wrong(fault.to_string()))
        }
    }
}

/// The result of a file that can be read up to a line only. What was found wrong before it stays wrong.
fn cut(verifier: BundleVerifier, why: &str, report: &mut Report<'_>) -> Unproven {
    let summary = verifier.finish().unwrap_or_else(|refused| *refused.summary);
    // Nobody knows what the rest of the file has.
    let read = BundleSummary { missing: 0, is_proven: false, ..summary };
    count(&read, report);
    if read.tampered + read.unreadable > 0 { Unproven::Wrong(why.to_owned()) } else { Unproven::NotChecked(why.to_owned()) }
}

/// Reads the header, and verifies the checkpoint.
fn open(lines: &mut BundleLines, check: &Check<'_>) -> Result<BundleVerifier, Unproven> {
    let text = match lines.next() {
        Ok(Some((_, Line::Text(text)))) => text.to_owned(),
        // It was recognized as JSON before.
        _ => return Err(Unproven::NotChecked("the first line of the bundle cannot be read".to_owned())),
    };
    let header: Result<BundleHeader, _> = text.parse();
    let header = header.map_err(|error| Unproven::NotChecked(BundleHeaderError::from(error).to_string()))?;
    let trust = check.trusted.of_note(&header.checkpoint).map_err(Unproven::NotChecked)?;
    BundleVerifier::new(&text, trust).map_err(|error| match error {
        BundleHeaderError::Trust(TrustError::NotWitnessed(_)) => Unproven::NotChecked(error.to_string()),
        wrong => Unproven::Wrong(wrong.to_string()),
    })
}

fn one_line(verifier: &mut BundleVerifier, number: u64, line: &Line<'_>, report: &mut Report<'_>) {
    let text = match line {
        Line::Text(text) => text,
        Line::TooLong => {
            verifier.unreadable_line();
            return report.unreadable(number, &format!("it has more than {DOCUMENT_BYTES_MAX} bytes"));
        }
        Line::NotUtf8 | Line::Utf16 => {
            verifier.unreadable_line();
            return report.unreadable(number, "it is not UTF-8");
        }
    };
    match verifier.line(text) {
        Ok(BundleLine::Footer) => {}
        Ok(BundleLine::Entry(EntryVerdict { position, uuid, verdict, missing_before })) => {
            report.missing(missing_before);
            let (status, is_wrong) = match verdict {
                Verdict::Ok => (Status::Ok, false),
                Verdict::Erased => (Status::Erased(String::new()), false),
                Verdict::Tampered(fault) => (Status::Tampered(fault.to_string()), true),
            };
            report.entry(position, uuid, &status, is_wrong);
        }
        Err(error) => report.unreadable(number, &error.to_string()),
    }
}

/// The root of the first `size` leaves, if the lines until now are exactly those.
fn root_at(verifier: &BundleVerifier, size: Option<u64>) -> Option<NodeHash> {
    verifier.tree().filter(|tree| Some(tree.size()) == size).map(|tree| tree.root())
}

/// Counts the verdicts. Without the root of the checkpoint, those of a range prove nothing.
fn count(summary: &BundleSummary, report: &mut Report<'_>) {
    let BundleSummary { ok, erased, tampered, unreadable, missing, is_proven, .. } = *summary;
    report.count(|counts| {
        if is_proven {
            counts.ok += ok;
            counts.erased += erased;
        } else {
            counts.unproven += ok + erased;
        }
        counts.tampered += tampered;
        counts.unreadable += unreadable;
        counts.missing += missing;
    });
}

fn conclude(summary: BundleSummary, check: &Check<'_>, kept_root: Option<NodeHash>) -> FileResult {
    let BundleSummary { trusted, complete, ok, erased, .. } = summary;
    let kept = check.kept.as_ref().map(|kept| kept.compare(&trusted.checkpoint, kept_root)).transpose()?;
    let what = match &complete {
        Some(range) => format!("all entries from position {} to before {}", range.start, range.end),
        None => format!("{} entries", ok + erased),
    };
    Ok(Proven {
        what,
        complete: Some(complete),
        checkpoint: trusted.checkpoint,
        root: trusted.root,
        witnesses: trusted.witnesses,
        kept,
    })
}
