//! `witness`: cosigns the root logs of others.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use audit_http::store::WitnessStore;
use audit_http::store::domain::draw_bytes;
use audit_http::store::domain::log::{CosignerKey, KeyKind, VerifierKey};
use audit_http::{WitnessServer, WitnessService};
use clap::Args;

use crate::config::Settings;
use crate::shutdown;

/// Cosign the logs of another department or company, as a witness (C2SP tlog-witness)
///
/// A witness cosigns a checkpoint only if its log extends everything that the witness cosigned before. So
/// nobody can show two different pasts of a log without being found out. It needs the verifier keys of the
/// logs and one small file, and no database of an audit log. Run it on a machine that those who run the logs
/// do not administer. It answers HTTP; for HTTPS put a proxy before it.
#[derive(Args)]
pub(super) struct WitnessArgs {
    /// File with the verifier keys of the logs, one on each line: the lines of root logs in /log/vkey
    #[arg(long, value_name = "FILE", env = "AUDIT_WITNESS_LOGS", hide_env_values = true)]
    logs: PathBuf,
    /// File of the private key of the witness, which the first start makes
    #[arg(long, value_name = "FILE", env = "AUDIT_WITNESS_KEY_FILE", hide_env_values = true, default_value = "witness.key")]
    key_file: PathBuf,
    /// Name of the witness, such as witness.example.com/w1; only the first start needs it
    #[arg(long, value_name = "NAME", env = "AUDIT_WITNESS_NAME", hide_env_values = true)]
    name: Option<String>,
    /// File that remembers the newest checkpoint of each log. Never restore an older one: the witness would go back
    #[arg(long, value_name = "FILE", env = "AUDIT_WITNESS_STATE_FILE", hide_env_values = true, default_value = "witness.db")]
    state_file: PathBuf,
    /// Address and port
    #[arg(long, value_name = "ADDRESS", env = "AUDIT_WITNESS_LISTEN", hide_env_values = true, default_value = "127.0.0.1:8081")]
    witness_listen: String,
}

/// Bytes of the largest file of keys.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

pub(super) fn run(_: &Settings, args: &WitnessArgs) -> anyhow::Result<()> {
    let logs = logs(&args.logs)?;
    if args.key_file.exists() && !args.state_file.exists() {
        bail!(
            "{} is missing, and the key in {} has cosigned already: without the file, the witness would go back. Put it there again, or \
             begin with a new key and another --name",
            args.state_file.display(),
            args.key_file.display()
        );
    }
    if !args.key_file.exists() {
        new_name(args)?;
    }
    // It comes before the key: a start that ends in between begins again.
    let store = WitnessStore::open(&args.state_file)?;
    let key = key(args)?;
    let vkey = key.verifier().to_string();
    let count = logs.len();
    let server = WitnessServer::bind(WitnessService::new(key, logs, store), &args.witness_listen)?;
    let asked = shutdown::asked(None::<fn()>).context("signals cannot be watched")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("the witness cannot be started")?;
    stdout_line!("witness http://{}", server.address());
    stdout_line!("key     {vkey}");
    tracing::info!(address = %server.address(), keys = count, "the witness is ready");
    // The runtime of actix, whose workers are threads of their own.
    let _entered = runtime.enter();
    runtime.block_on(server.run(asked)).context("the witness broke down")?;
    tracing::info!("stopped");
    Ok(())
}

/// The keys of the logs. Blank lines and lines that begin with `#` mean nothing.
fn logs(path: &Path) -> anyhow::Result<Vec<VerifierKey>> {
    let text = read(path)?;
    let mut logs = Vec::new();
    for (number, line) in (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        let place = || format!("line {number} of {} must be the verifier key of a log", path.display());
        let key: VerifierKey = line.parse().with_context(place)?;
        if key.kind() != KeyKind::Ed25519 {
            bail!("{}: {} is the key of a witness", place(), key.name());
        }
        logs.push(key);
    }
    if logs.is_empty() {
        bail!(
            "{} has no key: put the verifier key of each log on a line of it, as /log/vkey of its server shows it",
            path.display()
        );
    }
    Ok(logs)
}

/// The key in the file, or a new one.
fn key(args: &WitnessArgs) -> anyhow::Result<CosignerKey> {
    let path = &args.key_file;
    if path.exists() {
        let key: CosignerKey =
            read(path)?.trim_end().parse().with_context(|| format!("{} is not the private key of a witness", path.display()))?;
        match &args.name {
            Some(name) if name != key.verifier().name() => {
                bail!("--name must be that of the key in {}: {} (got {name})", path.display(), key.verifier().name())
            }
            _ => return Ok(key),
        }
    }
    let name = new_name(args)?;
    let key = CosignerKey::new(name, &draw_bytes()?).with_context(|| format!("--name cannot be {name}"))?;
    let cannot = || format!("the key cannot be written to {}", path.display());
    let mut file = private(path).with_context(cannot)?;
    file.write_all(format!("{}\n", key.to_secret_text()).as_bytes()).and_then(|()| file.sync_all()).with_context(cannot)?;
    Ok(key)
}

/// The name of a key that is to be made.
fn new_name(args: &WitnessArgs) -> anyhow::Result<&str> {
    let missing =
        || format!("{} does not exist: --name gives the new key its name, such as witness.example.com/w1", args.key_file.display());
    args.name.as_deref().with_context(missing)
}

/// Makes a file for its owner alone.
fn private(path: &Path) -> std::io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn read(path: &Path) -> anyhow::Result<String> {
    let bytes = fs::metadata(path).with_context(|| format!("{} cannot be read", path.display()))?.len();
    if bytes > FILE_BYTES_MAX {
        bail!("{} has {bytes} bytes: at most {FILE_BYTES_MAX}", path.display());
    }
    fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}
