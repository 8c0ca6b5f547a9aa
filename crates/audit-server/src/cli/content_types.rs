//! `content-types`: imports the registry of content types, such as from a Django project, and lists
//! it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use audit_http::store::domain::parse_content_types;
use clap::{Args, Subcommand};
use flate2::read::MultiGzDecoder;

use crate::config::Settings;

/// Content types: the server fills in the number or the name if an event has only the other
#[derive(Args)]
pub(super) struct ContentTypesArgs {
    #[command(subcommand)]
    command: ContentTypesCommand,
}

#[derive(Subcommand)]
enum ContentTypesCommand {
    /// Import the types of a file, all or none: the output of Django's `manage.py dumpdata
    /// contenttypes`, a list of `{"id","app_label","model"}`, or one object `{"id":
    /// {"app_label","model"}}`
    ///
    /// Types that are not in the file stay; a type with another name is renamed. The server may be
    /// running: it sees the change within a second. Events that are in the log keep their values.
    Import {
        /// The file, unpacked if its name ends in `.gz`; `-` is stdin
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// List the types: number and name, separated by a tabulator
    List,
}

pub(super) fn run(settings: &Settings, args: &ContentTypesArgs) -> anyhow::Result<()> {
    match &args.command {
        ContentTypesCommand::Import { file } => import(settings, file),
        ContentTypesCommand::List => list(settings),
    }
}

fn import(settings: &Settings, file: &Path) -> anyhow::Result<()> {
    let text = read(file)?;
    let types = parse_content_types(&text).map_err(|fault| anyhow!("`{}`: {fault}", file.display()))?;
    let put = settings.open_store()?.put_content_types(types)?;
    match put {
        Ok(put) => stdout_line!("{} new, {} changed, {} unchanged", put.new, put.changed, put.unchanged),
        Err(taken) => bail!("{taken}, which is not in the file: nothing was changed"),
    }
    Ok(())
}

/// Bytes of the largest file. A dump has about a hundred bytes for each type.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

fn read(path: &Path) -> anyhow::Result<String> {
    let cannot = || format!("cannot read `{}`", path.display());
    let raw: Box<dyn Read> =
        if path == Path::new("-") { Box::new(io::stdin().lock()) } else { Box::new(File::open(path).with_context(cannot)?) };
    let packed = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz"));
    let unpacked = if packed { Box::new(MultiGzDecoder::new(raw)) } else { raw };
    let mut text = String::new();
    unpacked.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).with_context(cannot)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        bail!("`{}` has more than {FILE_BYTES_MAX} bytes: dump the app `contenttypes` only", path.display());
    }
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn list(settings: &Settings) -> anyhow::Result<()> {
    for content_type in settings.open_existing_store()?.content_types()? {
        stdout_line!("{}\t{}", content_type.id, content_type.table_name());
    }
    Ok(())
}
