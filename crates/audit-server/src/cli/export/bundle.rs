//! `export --bundle`: one log with proofs, up to its newest signed checkpoint. Only one page of entries is in
//! memory. What the log gets meanwhile changes nothing, because the checkpoint says what the tree is.

use std::ops::Range;

use anyhow::{Context, anyhow, bail};
use audit_http::store::domain::log::{BundleEntry, BundleFooter, BundleHeader, Note};
use audit_http::store::domain::{CursorOrder, Entry};
use audit_http::store::{Log, SignedTree};
use indicatif::ProgressBar;

use super::{ExportArgs, Exported, PAGE_ENTRIES_MAX, each_entry};
use crate::config::Settings;
use crate::output::Output;
use crate::progress::{self, Unit};

pub(super) fn export<S: Exported>(settings: &Settings, args: &ExportArgs) -> anyhow::Result<()> {
    let [channel] = args.channel.as_slice() else {
        bail!("a bundle is of one log: give --channel once (got {} channels)", args.channel.len());
    };
    let filter = args.filter.as_deref().map(S::parse_filter).transpose().map_err(|why| anyhow!("--filter: {why}"))?;
    let log = settings.open_existing_store()?.channels(*channel).log::<S>();
    let signed = log.checkpoint()?.with_context(|| {
        let stream = S::STREAM.name();
        format!(
            "channel {channel} has no signed checkpoint of its {stream}: it has none, or no server with the signing key \
             ran since they were appended; start the server, which signs within seconds"
        )
    })?;
    let note: Note = signed.note().parse()?;
    let positions = positions(args, signed.tree().size())?;
    let bar = progress::bar(Unit::Entries(positions.end - positions.start))?;
    let bundle = Bundle { log: &log, signed: &signed, note: &note, bar: &bar };
    let mut output = Output::create(&args.output)?;
    let written = match filter {
        Some(filter) => bundle.write_filtered(filter, &mut output),
        None => bundle.write_range(positions.clone(), &mut output),
    };
    bar.finish_and_clear();
    let count = written?;
    output.finish()?;
    let (name, origin, size) = (S::NAME, signed.verifier().name(), signed.tree().size());
    if args.filter.is_some() {
        stderr_line!("{count} {name}(s) of {origin} at the checkpoint of {size} entries");
        stderr_line!(
            "the bundle proves that each of them is authentic, and not that it has all that match: only a range is complete"
        );
    } else {
        let Range { start, end } = positions;
        stderr_line!("{count} {name}(s) of {origin}, from position {start} to before {end}, at the checkpoint of {size} entries");
    }
    Ok(())
}

/// The positions of a bundle of a range in a log of `size` entries.
fn positions(args: &ExportArgs, size: u64) -> anyhow::Result<Range<u64>> {
    let end = args.to_position.unwrap_or(size);
    if end > size {
        bail!("--to-position must be at most {size}, the number of entries in the newest signed checkpoint (got {end})");
    }
    let start = args.from_position.unwrap_or(0);
    if start > end {
        bail!("--from-position must be at most {end}, where the range ends (got {start})");
    }
    Ok(start..end)
}

/// A bundle that is being written.
struct Bundle<'a, S: Exported> {
    log: &'a Log<S>,
    signed: &'a SignedTree<S>,
    note: &'a Note,
    bar: &'a ProgressBar,
}

impl<S: Exported> Bundle<'_, S> {
    /// Writes all entries of some positions. Returns their number.
    ///
    /// The root is computed on the way: a bundle that nobody could verify is not written.
    fn write_range(&self, Range { start, end }: Range<u64>, output: &mut Output) -> anyhow::Result<u64> {
        let (tree, end_of_log) = (self.signed.tree(), self.signed.tree().size());
        let not_in_tree = || anyhow!("the tree of {end_of_log} entries does not have the positions {start} to {end}");
        let mut frontier = tree.frontier(start)?.ok_or_else(not_in_tree)?;
        let right = tree.subtrees(end..end_of_log)?.ok_or_else(not_in_tree)?;
        line(output, &BundleHeader::range(self.signed.verifier(), self.note, &frontier, end))?;
        let mut erasures = self.log.known_erasures();
        each_entry(self.log, start.cast_signed()..end.cast_signed(), |record| {
            let entry: &Entry = record.as_ref();
            let position = entry.position.unsigned_abs();
            let shown = BundleEntry::new(position, entry.leaf_data(S::STREAM), &entry.slots)
                .with_context(|| format!("the entry at position {position} cannot be shown"))?;
            if shown.leaf_hash != entry.leaf_hash {
                bail!("the entry at position {position} does not have its leaf hash: the database was changed");
            }
            frontier.append(shown.leaf_hash, |_, _| {})?;
            self.bar.inc(1);
            let erased = erasures.of(entry)?;
            line(output, &shown.erased_by(|number| erased.get(&number).copied()))
        })?;
        frontier.append_frontier(end_of_log, &right)?;
        frontier
            .verify(end_of_log, tree.root())
            .context("the entries are not those of the signed checkpoint: the database was changed")?;
        line(output, &BundleFooter::range(end - start, right))?;
        Ok(end - start)
    }

    /// Writes the entries that match a filter, each with its inclusion proof. Returns their number.
    fn write_filtered(&self, filter: S::Filter, output: &mut Output) -> anyhow::Result<u64> {
        line(output, &BundleHeader::filtered(self.signed.verifier(), self.note))?;
        let mut pages = Some(self.log.by_cursor(filter).order(CursorOrder::Position));
        let mut count = 0;
        while let Some(query) = pages.take() {
            let page = query.page(PAGE_ENTRIES_MAX)?;
            for record in &page.records {
                // Entries that the checkpoint does not have yet come last.
                let Some(proof) = self.signed.prove(record.as_ref())? else { break };
                self.bar.set_position(proof.position + 1);
                line(output, &BundleEntry::of_proof(proof))?;
                count += 1;
            }
            let is_in_tree = |position: i64| position.unsigned_abs() < self.signed.tree().size();
            pages = page.next.filter(|next| is_in_tree(next.position)).map(|next| query.after(next));
        }
        line(output, &BundleFooter::filtered(count))?;
        Ok(count)
    }
}

/// Writes a line of the bundle.
fn line(output: &mut Output, line: &impl std::fmt::Display) -> anyhow::Result<()> {
    output.write(format!("{line}\n").as_bytes())
}
