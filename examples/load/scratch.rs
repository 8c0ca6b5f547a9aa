//! The directory of a run, and the database in it, filled by the server's own `demo`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;

use crate::Options;
use crate::database::Database;
use crate::{postgres_server, shuffled};

/// The database that `demo` fills.
const FILLED: &str = "shop/audit.db";

pub(crate) struct Scratch {
    directory: TempDir,
    program: PathBuf,
    database_url: String,
    /// Ends with the run.
    _postgres: Option<postgres_server::Server>,
}

impl Scratch {
    /// Makes the database. `demo` fills SQLite only, so a PostgreSQL database gets a copy of that, or an import.
    pub(crate) fn fill(options: &Options) -> anyhow::Result<Scratch> {
        let parent = options.directory.clone().unwrap_or_else(std::env::temp_dir);
        let directory = tempfile::tempdir_in(&parent).with_context(|| format!("cannot write to {}", parent.display()))?;
        let at = |name: &str| format!("sqlite://{}", directory.path().join(name).display());
        let (filled, sqlite) = (at(FILLED), at(if options.shuffled { "imported.db" } else { FILLED }));
        let postgres = options.postgres.then(postgres_server::Server::start);
        let database_url = match (&options.database_url, &postgres) {
            (Some(url), _) => url.clone(),
            (None, Some(server)) => {
                server.create("load");
                server.url("load")
            }
            (None, None) => sqlite.clone(),
        };
        let is_other = database_url != sqlite;
        if is_other && !is_postgres(&database_url) {
            bail!("--database-url must begin with postgres:// or postgresql://; without it, SQLite is measured");
        }
        let scratch = Scratch { directory, program: program()?, database_url, _postgres: postgres };
        scratch.run(&["demo", "--fill-only", "--directory", "shop", "--events", &options.events.to_string()])?;
        if options.shuffled {
            shuffled::import(&scratch, &filled)?;
        } else if is_other {
            scratch.run(&["copy", "--from", &filled, "--to", &scratch.database_url])?;
        }
        Ok(scratch)
    }

    /// A command of the server's program, with this database and none of the caller's files.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(self.path()).env_remove("AUDIT_CONFIG").stdin(Stdio::null());
        command.env("AUDIT_DATABASE_URL", &self.database_url).env("AUDIT_DATA_DIR", self.path());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let output = self.command().args(arguments).output().with_context(|| format!("cannot run {}", self.program.display()))?;
        ensure!(output.status.success(), "`audit-server {}`: {}", arguments[0], String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn database(&self) -> anyhow::Result<Database> {
        match self.sqlite_file() {
            Some(file) => Database::sqlite(&file),
            None => Database::postgres(&self.database_url),
        }
    }

    fn sqlite_file(&self) -> Option<PathBuf> {
        self.database_url.strip_prefix("sqlite://").map(PathBuf::from)
    }

    /// What the database takes, with its indexes.
    pub(crate) fn bytes_on_disk(&self, database: &mut Database) -> anyhow::Result<u64> {
        match (database.bytes()?, self.sqlite_file()) {
            (Some(bytes), _) => Ok(bytes),
            (None, Some(file)) => Ok(std::fs::metadata(file)?.len()),
            (None, None) => bail!("the size of {} is not known", self.database_url),
        }
    }
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// The server's binary, which cargo puts above the directory of the examples. `cargo run --example` does not build it.
fn program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let program = own.parent().and_then(Path::parent).map(|profile| profile.join("audit-server"));
    match program {
        Some(program) if program.exists() => Ok(program),
        _ => bail!("there is no `audit-server` above the directory of {}: build it with `cargo build --release`", own.display()),
    }
}
