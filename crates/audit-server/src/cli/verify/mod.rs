//! `verify`: checks proofs and bundles against keys that the caller trusts. It needs no server, no database and
//! no network, and never uses a key from what it checks. With `--deep` it checks a database.

mod bundle;
mod deep;
mod evidence;
mod kept;
mod proof;
mod report;
mod trusted;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use audit_http::store::domain::ChannelId;
use clap::Args;

use self::evidence::Evidence;
use self::kept::Kept;
use self::report::{FileResult, Outcome, Report, Unproven};
use self::trusted::Trusted;
use super::import::{length_of, open};
use crate::config::Settings;
use crate::progress::{self, Unit};

/// Check proofs and bundles offline, against a key that you trust
///
/// A file is the JSON proof of an entry (/api/v1/events/{uuid}/proof), a proof in the form of C2SP tlog-proof, or a
/// bundle of `export --bundle`. Its content says which. Needs no server, no database and no network. The
/// exit code is 0 if everything is proven, 1 if something is wrong, and 2 if something could not be
/// checked. An erased entry is proven: its values are gone, and its leaf is in the log.
///
/// With `--deep` and without files, it checks the database of the settings: every entry, tile, root,
/// checkpoint and row of the search index. The server may be running.
#[derive(Args)]
pub(super) struct VerifyArgs {
    /// Files, unpacked if their names end in `.gz`; `-` is stdin
    #[arg(required_unless_present = "deep", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Check everything in the database of the settings; without --vkey, with the server's own key
    #[arg(long, conflicts_with_all = ["files", "leaf", "consistency"])]
    deep: bool,
    /// Only the logs of this channel; the flag may be given several times [default: all]
    #[arg(long, value_name = "N", requires = "deep")]
    channel: Vec<ChannelId>,
    /// Verifier key of the log, or a file with one key on each line; the flag may be given several times
    #[arg(long, value_name = "KEY", conflicts_with = "policy")]
    vkey: Vec<String>,
    /// File with a policy (C2SP tlog-policy): logs, witnesses, and how many of them must have cosigned
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Leaf of the entry (/api/v1/events/{uuid}/leaf), which a tlog-proof file needs
    #[arg(long, value_name = "FILE")]
    leaf: Option<PathBuf>,
    /// Checkpoint that you kept: it has to be of the same log, unchanged
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Proof that leads from the older to the newer of the two checkpoints (/log/{channel}/{stream}/consistency)
    #[arg(long, value_name = "FILE", requires = "checkpoint")]
    consistency: Option<PathBuf>,
    /// Show each entry of a bundle or of the database, not only those that are wrong, and all findings
    #[arg(short, long)]
    verbose: bool,
    /// Print JSON: an object for each entry, then one for each file, then the summary
    #[arg(long)]
    json: bool,
}

impl VerifyArgs {
    /// Whether it checks the database of the settings. Files need no settings.
    pub(super) fn needs_settings(&self) -> bool {
        self.deep
    }
}

/// Runs the command. What stops it before something is checked is one sentence on stderr.
pub(super) fn run(settings: Option<anyhow::Result<Settings>>, args: &VerifyArgs) -> ExitCode {
    let outcome = match settings {
        Some(settings) => settings.and_then(|settings| deep::verify(&settings, args)),
        None => verify(args),
    };
    let outcome = outcome.unwrap_or_else(|error| {
        stderr_line!("audit-server: {error:#}");
        Outcome::NotChecked
    });
    ExitCode::from(outcome.code())
}

fn verify(args: &VerifyArgs) -> anyhow::Result<Outcome> {
    let trusted = Trusted::read(&args.vkey, args.policy.as_deref())?;
    let kept = args.checkpoint.as_deref().map(|path| Kept::read(path, args.consistency.as_deref(), &trusted));
    if args.leaf.is_some() && args.files.len() != 1 {
        bail!("--leaf is the leaf of one entry: verify its proof alone (got {} files)", args.files.len());
    }
    let leaf = args.leaf.as_deref().map(|path| read_whole(path, LEAF_FILE_BYTES_MAX)).transpose()?;
    let check = Check { trusted: &trusted, kept: kept.transpose()?, leaf };
    // A file that cannot be opened is reported in its turn.
    let bar = progress::bar(Unit::Bytes(length_of(&args.files).unwrap_or(None)))?;
    let mut report = Report::new(args.json, args.verbose, &bar);
    for path in &args.files {
        report.begin(path);
        let result = match open(path, &bar) {
            Ok(input) => check.evidence(evidence::recognize(input), &mut report),
            Err(error) => Err(Unproven::NotChecked(format!("{error:#}"))),
        };
        report.end(&result);
    }
    bar.finish_and_clear();
    Ok(report.finish())
}

/// Bytes of the largest leaf file that is read. A leaf is much smaller.
const LEAF_FILE_BYTES_MAX: usize = 64 * 1024;

/// What files are checked against.
struct Check<'a> {
    trusted: &'a Trusted,
    kept: Option<Kept>,
    leaf: Option<Vec<u8>>,
}

impl Check<'_> {
    fn evidence(&self, evidence: Result<Evidence, String>, report: &mut Report<'_>) -> FileResult {
        let is_proof_file = matches!(evidence, Ok(Evidence::ProofFile(_)));
        if self.leaf.is_some() && evidence.is_ok() && !is_proof_file {
            return Err(Unproven::NotChecked("--leaf is for a tlog-proof file, and this file has its leaves in it".to_owned()));
        }
        match evidence.map_err(Unproven::NotChecked)? {
            Evidence::Proof(proof) => proof::verify_document(&proof, self, report),
            Evidence::ProofFile(file) => proof::verify_file(&file, self, report),
            Evidence::Bundle(lines) => bundle::verify(lines, self, report),
        }
    }
}

/// Reads a small file.
fn read_whole(path: &Path, bytes_max: usize) -> anyhow::Result<Vec<u8>> {
    let (name, mut bytes) = (path.display(), Vec::new());
    let file = std::fs::File::open(path).with_context(|| format!("cannot read `{name}`"))?;
    file.take(bytes_max as u64 + 1).read_to_end(&mut bytes).with_context(|| format!("cannot read `{name}`"))?;
    if bytes.len() > bytes_max {
        bail!("`{name}` has more than {bytes_max} bytes, so it is another file");
    }
    Ok(bytes)
}

/// Reads a small file of text.
fn read_text(path: &Path, bytes_max: usize) -> anyhow::Result<String> {
    String::from_utf8(read_whole(path, bytes_max)?).ok().with_context(|| format!("`{}` is not UTF-8", path.display()))
}
