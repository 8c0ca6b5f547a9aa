//! Settings: their names, their sources, and their values for the program.
//!
//! [`list`] is the only list. Flags, environment variables, keys of the settings file, help texts
//! and error messages follow from it. [`Sources`] combines the given values, and [`Settings::read`]
//! checks all of them before anything is opened.

mod flags;
mod list;
mod masking;
mod production;
mod reference;
mod setting;
mod sources;
mod value;
mod witnesses;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use audit_http::store::domain::{ChannelGrant, ChannelId, MaskingPolicy, TokenKey};
use audit_http::store::{OpenError, Scrubbing, Signing, Store, StoreConfig};
use audit_http::{ApiConfig, ServerConfig};

pub(crate) use flags::{FlagValues, ProgramFlags, ServeFlags};
pub(crate) use reference::{Entry, entries, markdown, template};
pub(crate) use sources::{DEFAULT_FILE, SettingError, SettingSource, unknown_variables};

use setting::Setting;
use sources::Sources;

/// The format of the program's own log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// A format for people.
    Text,
    /// A format for machines: one object a line.
    Json,
}

/// The paths of the certificate and the key.
#[derive(Debug, Clone)]
pub(crate) struct TlsFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// All settings, checked. `Debug` shows no secret, because [`TokenKey`]'s does not.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) database_url: String,
    /// The source of the URL.
    pub(crate) database_url_from: SettingSource,
    /// The key file, the directory of checkpoints and the log name.
    pub(crate) signing: Signing,
    pub(crate) transaction_pooler: bool,
    pub(crate) writers: u32,
    pub(crate) channels_without_words: ChannelGrant,
    pub(crate) masking: MaskingPolicy,
    pub(crate) future_warning: Duration,
    /// The time limit of a client's query. The server's own work has no limit.
    pub(crate) query_timeout: Duration,
    /// The interval of the scrub; `None` if it is turned off.
    pub(crate) scrub_interval: Option<Duration>,
    pub(crate) admin_token: Option<TokenKey>,
    /// The source of the key; `None` if it is not set.
    pub(crate) admin_token_from: Option<SettingSource>,
    /// The settings file that was read.
    pub(crate) file: Option<PathBuf>,
    pub(crate) production: bool,
    /// The files are not opened yet.
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) log: String,
    /// `None` selects the format by the target of the log.
    pub(crate) log_format: Option<LogFormat>,
    pub(crate) server: ServerConfig,
}

impl Settings {
    /// Reads flags and variables (`given`), the settings file, and the defaults.
    pub(crate) fn read(given: &FlagValues, file: Option<&Path>) -> Result<Settings, SettingError> {
        Settings::from_sources(&Sources::open(given, file)?)
    }

    /// Reads them and continues after a fault as if the faulty value were not given, to find all
    /// faults.
    pub(crate) fn read_all(given: &FlagValues, file: Option<&Path>) -> (Option<Settings>, Vec<SettingError>) {
        let (mut sources, mut faults) = Sources::open_all(given, file);
        loop {
            match Settings::from_sources(&sources) {
                Ok(settings) => return (Some(settings), faults),
                Err(error) => {
                    let forgotten = error.key.is_some_and(|key| sources.forget(key));
                    faults.push(error);
                    if !forgotten {
                        return (None, faults);
                    }
                }
            }
        }
    }

    fn from_sources(sources: &Sources) -> Result<Settings, SettingError> {
        let seconds = |setting| sources.require(setting, value::seconds).map(Duration::from_secs);
        let data_dir = sources.get(&list::DATA_DIR, value::text)?;
        let given_url = sources.get(&list::DATABASE_URL, value::text)?;
        let data_dir = data_dir.or_else(|| directory_of(given_url.as_deref()?)).unwrap_or_else(|| DATA_DIR.to_owned());
        let default_url = || format!("sqlite://{}/audit.db", data_dir.trim_end_matches('/'));
        let settings = Settings {
            database_url: given_url.unwrap_or_else(default_url),
            signing: signing(sources, Path::new(&data_dir))?,
            database_url_from: sources.find(&list::DATABASE_URL).0,
            transaction_pooler: sources.require(&list::TRANSACTION_POOLER, value::switch)?,
            writers: sources.require(&list::WRITERS, value::writers)?,
            channels_without_words: sources
                .get(&list::CHANNELS_WITHOUT_WORDS, value::channels)?
                .unwrap_or_else(|| ChannelGrant::Only(BTreeSet::new())),
            masking: masking::policy(sources)?,
            future_warning: sources
                .require(&list::FUTURE_TIMESTAMP_WARNING_SECONDS, value::future_seconds)
                .map(Duration::from_secs)?,
            query_timeout: seconds(&list::QUERY_TIMEOUT_SECONDS)?,
            scrub_interval: Some(sources.require(&list::SCRUB_INTERVAL_HOURS, value::scrub_hours)?)
                .filter(|hours| *hours > 0)
                .map(|hours| Duration::from_secs(hours * 3_600)),
            admin_token: sources.get(&list::ADMIN_TOKEN, value::key)?,
            admin_token_from: Some(sources.find(&list::ADMIN_TOKEN)).and_then(|(origin, text)| text.map(|_| origin)),
            file: sources.file().map(Path::to_owned),
            production: sources.require(&list::PRODUCTION, value::switch)?,
            tls: tls_files(sources)?,
            log: sources.require(&list::LOG, value::log_filter)?,
            log_format: sources.get(&list::LOG_FORMAT, value::log_format)?,
            server: ServerConfig {
                listen: sources.require(&list::LISTEN, value::address)?,
                tls: None,
                workers: sources.get(&list::WORKERS, value::workers)?,
                head_timeout: seconds(&list::HEAD_TIMEOUT_SECONDS)?,
                idle_timeout: seconds(&list::IDLE_TIMEOUT_SECONDS)?,
                stall_timeout: seconds(&list::STALL_TIMEOUT_SECONDS)?,
                shutdown_timeout: seconds(&list::SHUTDOWN_TIMEOUT_SECONDS)?,
                cors_origins: sources.get(&list::CORS_ORIGINS, value::cors_origins)?.unwrap_or_default(),
                api: ApiConfig {
                    trusted_proxies: sources.get(&list::TRUSTED_PROXIES, value::trusted_proxies)?.unwrap_or_default(),
                    public_url: sources.get(&list::PUBLIC_URL, value::public_url)?,
                    default_channel: sources.require(&list::DEFAULT_CHANNEL, value::channel)?,
                    page_size_default: sources.require(&list::PAGE_SIZE_DEFAULT, value::page_size)?,
                    page_size_max: sources.require(&list::PAGE_SIZE_MAX, value::page_size)?,
                    body_timeout: seconds(&list::BODY_TIMEOUT_SECONDS)?,
                    append_timeout: seconds(&list::APPEND_TIMEOUT_SECONDS)?,
                    public_log: sources.require(&list::PUBLIC_LOG, value::switch)?,
                    witnesses: witnesses::witnesses(sources)?,
                    metrics: None,
                },
            },
        };
        let api = &settings.server.api;
        if api.page_size_default > api.page_size_max {
            let why =
                format!("it must be at most {}, which is the largest page ({})", api.page_size_max, list::PAGE_SIZE_MAX.names());
            return Err(SettingError::bad(&list::PAGE_SIZE_DEFAULT, &api.page_size_default.to_string(), &why));
        }
        settings.store_config().location().map_err(in_our_words)?;
        Ok(settings)
    }

    /// The channel of events that do not name one.
    pub(crate) fn default_channel(&self) -> ChannelId {
        self.server.api.default_channel
    }

    /// Opens the store to append to it.
    pub(crate) fn open_store_to_append(&self) -> anyhow::Result<Store> {
        Ok(Store::open(self.store_config().signing(self.signing.clone()))?)
    }

    /// Opens the store of an existing database to append to it.
    pub(crate) fn open_existing_store_to_append(&self) -> anyhow::Result<Store> {
        Ok(Store::open(self.store_config().signing(self.signing.clone()).create_if_missing(false))?)
    }

    /// Opens the store, and creates its database if it does not exist.
    pub(crate) fn open_store(&self) -> anyhow::Result<Store> {
        self.open(true)
    }

    /// Opens the store to serve it. In production it refuses a database role that could change or
    /// delete entries of the log, and always a database that cannot be written.
    pub(crate) fn open_store_to_serve(&self) -> anyhow::Result<Store> {
        let config = self
            .store_config()
            .signing(self.signing.clone())
            .scrubbing(self.scrub_interval.map(Scrubbing::every))
            .refuse_excess_privileges(self.production)
            .query_timeout(self.query_timeout);
        let store = Store::open(&config)?;
        store.refuse_read_only()?;
        Ok(store)
    }

    /// Opens the store of an existing database, because a read of a missing one is a mistake.
    pub(crate) fn open_existing_store(&self) -> anyhow::Result<Store> {
        self.open(false)
    }

    fn open(&self, create_if_missing: bool) -> anyhow::Result<Store> {
        Ok(Store::open(self.store_config().create_if_missing(create_if_missing).erasing(false))?)
    }

    /// The configuration of the store.
    pub(crate) fn store_config(&self) -> StoreConfig {
        let point_readers = u32::try_from(self.workers()).unwrap_or(u32::MAX);
        StoreConfig::new(&self.database_url)
            .point_readers(point_readers)
            .transaction_pooler(self.transaction_pooler)
            .writers(self.writers)
            .channels_without_words(self.channels_without_words.clone())
            .masking(self.masking.clone())
            .future_warning(self.future_warning)
    }

    /// The number of threads that answer requests. Each reads by key on a connection that it never
    /// waits for.
    fn workers(&self) -> usize {
        self.server.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
    }
}

/// The directory of the program's files if neither it nor a database is given.
const DATA_DIR: &str = "audit-data";

/// The directory of an SQLite database.
fn directory_of(url: &str) -> Option<String> {
    let file = StoreConfig::new(url).file().ok()??;
    let directory = file.parent()?.to_str()?;
    Some(if directory.is_empty() { "." } else { directory }.to_owned())
}

/// The names of the files in the data directory.
fn signing(sources: &Sources, data_dir: &Path) -> Result<Signing, SettingError> {
    let key_file = sources.get(&list::SIGNING_KEY_FILE, value::file)?;
    let mut signing = Signing::new(key_file.unwrap_or_else(|| data_dir.join("signing.key")), data_dir.join("checkpoints"));
    signing.log_name = sources.get(&list::LOG_NAME, value::log_name)?;
    Ok(signing)
}

/// Puts the name of the setting into an error: the store knows which URLs are valid, but not the
/// name.
fn in_our_words(error: OpenError) -> SettingError {
    match error {
        OpenError::Url { url, why } => SettingError::bad(&list::DATABASE_URL, &url, &why),
        other => SettingError::other(other.to_string()),
    }
}

/// One file without the other is a mistake, and does not mean plain HTTP.
fn tls_files(sources: &Sources) -> Result<Option<TlsFiles>, SettingError> {
    let alone = |given: &Setting, path: PathBuf, missing: &Setting| {
        Err(SettingError::bad(given, &path.to_string_lossy(), &format!("it needs {} too", missing.names())))
    };
    match (sources.get(&list::TLS_CERT, value::file)?, sources.get(&list::TLS_KEY, value::file)?) {
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
        (None, None) => Ok(None),
        (Some(path), None) => alone(&list::TLS_CERT, path, &list::TLS_KEY),
        (None, Some(path)) => alone(&list::TLS_KEY, path, &list::TLS_CERT),
    }
}
