//! `mask --check`: shows what the masking policy would mask in the records of files, and what it
//! costs. It changes nothing and needs no database.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::bail;
use audit_http::store::domain::{ChannelId, Format, MaskedValue, MaskingPolicy, ParseMode};
use clap::Args;
use indicatif::ProgressBar;

use super::import::{describe, format_parser, open, parse_line};
use crate::config::Settings;
use crate::documents::each_document;
use crate::lines::{Line, Lines};
use crate::new_entry::{Kind, NewEntry};

/// Show what the masking policy would mask in the records of files
///
/// The files have the shape that `import` reads, or are documents of another system. Nothing is stored or sent. The policy is the
/// setting `masking`: name a file of rules to try it before the server uses it. The values
/// themselves are not shown.
#[derive(Args)]
pub(super) struct MaskArgs {
    /// Files, unpacked if their names end in `.gz`; `-` is stdin
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    check: Vec<PathBuf>,
    /// Kind of the records
    #[arg(long, value_enum, default_value_t = Kind::Events)]
    kind: Kind,
    /// Format of another system; each file is one document, or has one on each line
    #[arg(long, value_name = "FORMAT", conflicts_with = "kind", value_parser = format_parser())]
    format: Option<Format>,
    /// Show only the list of places, not each record
    #[arg(long)]
    summary: bool,
}

pub(super) fn run(settings: &Settings, args: &MaskArgs) -> anyhow::Result<()> {
    let (policy, shows_records) = (&settings.masking, !args.summary);
    let mut check = Check { policy, kind: args.kind, format: args.format, shows_records, found: Found::default() };
    for path in &args.check {
        check.file(path)?;
    }
    check.found.show(settings.masking.label());
    match check.found.faulty {
        0 => Ok(()),
        faulty => bail!("{faulty} faulty line(s) were not looked at"),
    }
}

struct Check<'a> {
    policy: &'a MaskingPolicy,
    kind: Kind,
    format: Option<Format>,
    shows_records: bool,
    found: Found,
}

/// What was found in all files.
#[derive(Default)]
struct Found {
    records: u64,
    /// The records with a masked value, and the values.
    masked: u64,
    values: u64,
    /// The masked values by table, place and rule; the index of an array is `*` there.
    places: BTreeMap<[String; 3], u64>,
    faulty: u64,
    masking: Duration,
    /// The rest of what an append does before the database: parsing, splitting and hashing.
    preparing: Duration,
}

impl Check<'_> {
    fn file(&mut self, path: &Path) -> anyhow::Result<()> {
        let input = open(path, &ProgressBar::hidden())?;
        if let Some(format) = self.format {
            return each_document(format, input, |(number, outcome)| {
                match outcome {
                    Ok(events) => events.iter().try_for_each(|event| self.line(path, number, &Line::Text(event.as_str())))?,
                    Err(fault) => self.fault(path, number, &fault),
                }
                Ok(true)
            });
        }
        let mut lines = Lines::new(input);
        while let Some((number, line)) = lines.next()? {
            if line != Line::Text("") {
                self.line(path, number, &line)?;
            }
        }
        Ok(())
    }

    fn line(&mut self, path: &Path, number: u64, line: &Line<'_>) -> anyhow::Result<()> {
        let start = Instant::now();
        match parse_line(self.kind, line, ParseMode::IMPORT) {
            Ok(record) => {
                let values = self.record(record, start)?;
                if self.shows_records && !values.is_empty() {
                    let values: Vec<String> = values.iter().map(|value| format!("{} ({})", value.pointer, value.rule)).collect();
                    stdout_line!("{}: {}", describe(path, number), values.join(", "));
                }
            }
            Err(fault) => self.fault(path, number, &fault),
        }
        Ok(())
    }

    fn fault(&mut self, path: &Path, number: u64, fault: &str) {
        self.found.faulty += 1;
        stderr_line!("{}: {fault}", describe(path, number));
    }

    /// Masks a record, and returns the masked values.
    fn record(&mut self, mut record: NewEntry, start: Instant) -> anyhow::Result<Vec<MaskedValue>> {
        let parsed = start.elapsed();
        let (table, values) = (record.table_name(), record.explain_masking(self.policy));
        let start = Instant::now();
        let masked = record.mask(self.policy);
        self.found.masking += start.elapsed();
        self.found.masked += u64::from(masked.is_some());
        let start = Instant::now();
        record.prepare_alone(ChannelId::DEFAULT)?;
        self.found.preparing += parsed + start.elapsed();
        self.found.records += 1;
        // A text with several secrets is listed once for each rule.
        self.found.values += values.iter().map(|value| &value.pointer).collect::<BTreeSet<_>>().len() as u64;
        for value in &values {
            *self.found.places.entry([table.clone(), place(&value.pointer), value.rule.to_string()]).or_default() += 1;
        }
        Ok(values)
    }
}

impl Found {
    fn show(&self, policy: &str) {
        let width = |of: fn(&[String; 3]) -> &String| self.places.keys().map(|key| of(key).chars().count()).max().unwrap_or(0);
        let (tables, places, rules) = (width(|[table, ..]| table), width(|[_, place, _]| place), width(|[.., rule]| rule));
        for ([table, place, rule], count) in &self.places {
            stdout_line!("{table:tables$}  {place:places$}  {rule:rules$}  {count}");
        }
        let Found { records, masked, values, .. } = self;
        stdout_line!("{records} records, {masked} of them with {values} value(s) that the policy {policy} masks");
        if self.records > 0 {
            let micros = |time: Duration| time.as_secs_f64() * 1e6 / self.records as f64;
            let share = 100.0 * self.masking.as_secs_f64() / self.preparing.as_secs_f64().max(f64::MIN_POSITIVE);
            stdout_line!(
                "masking took {:.1} µs a record, {share:.0} % of the {:.1} µs of parsing, splitting and hashing",
                micros(self.masking),
                micros(self.preparing)
            );
        }
    }
}

/// A pointer with `*` in place of the indexes of arrays.
fn place(pointer: &str) -> String {
    let is_index = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    pointer.split('/').map(|part| if is_index(part) { "*" } else { part }).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_pointer_without_indexes() {
        assert_eq!(place("/content/new_data/keys/17/token"), "/content/new_data/keys/*/token");
        assert_eq!(place("/post_data/2fa"), "/post_data/2fa");
    }
}
