//! Settings: what a person may choose, where it comes from, and what the program gets.
//!
//! [`list`] is the one list; flags, environment variables, keys of the settings file, help texts and error messages are all
//! made from it. [`Sources`] layers what was given, [`Settings::read`] checks it: all of it, before anything is opened.

mod flags;
mod list;
mod sources;
mod value;

use std::path::Path;
use std::time::Duration;

use audit_http::store::domain::{ChannelId, TokenKey};
use audit_http::store::{OpenError, Store, StoreConfig};
use audit_http::{ApiConfig, ServerConfig};

pub(crate) use flags::{Given, ProgramFlags, ServeFlags};
pub(crate) use sources::SettingError;

use sources::Sources;

/// How the program's own log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For machines: one object a line.
    Json,
}

/// Everything that was chosen, checked. `Debug` shows no secret, since [`TokenKey`]'s does not.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) database_url: String,
    pub(crate) admin_token: Option<TokenKey>,
    pub(crate) log: String,
    /// `None` to decide by where the log goes.
    pub(crate) log_format: Option<LogFormat>,
    pub(crate) server: ServerConfig,
}

impl Settings {
    /// Reads flags and variables (`given`), the settings file, and the defaults.
    pub(crate) fn read(given: &Given, file: Option<&Path>) -> Result<Settings, SettingError> {
        let sources = Sources::open(given, file)?;
        let seconds = |setting| sources.require(setting, value::seconds).map(Duration::from_secs);
        let data_dir = sources.require(&list::DATA_DIR, value::text)?;
        let default_url = || format!("sqlite://{}/audit.db", data_dir.trim_end_matches('/'));
        let settings = Settings {
            database_url: sources.get(&list::DATABASE_URL, value::text)?.unwrap_or_else(default_url),
            admin_token: sources.get(&list::ADMIN_TOKEN, value::key)?,
            log: sources.require(&list::LOG, value::log_filter)?,
            log_format: sources.get(&list::LOG_FORMAT, value::log_format)?,
            server: ServerConfig {
                listen: sources.require(&list::LISTEN, value::address)?,
                workers: sources.get(&list::WORKERS, value::workers)?,
                head_timeout: seconds(&list::HEAD_TIMEOUT_SECONDS)?,
                idle_timeout: seconds(&list::IDLE_TIMEOUT_SECONDS)?,
                shutdown_timeout: seconds(&list::SHUTDOWN_TIMEOUT_SECONDS)?,
                cors_origins: sources.get(&list::CORS_ORIGINS, value::cors_origins)?.unwrap_or_default(),
                api: ApiConfig {
                    public_url: sources.get(&list::PUBLIC_URL, value::public_url)?,
                    default_channel: sources.require(&list::DEFAULT_CHANNEL, value::channel)?,
                    page_size_default: sources.require(&list::PAGE_SIZE_DEFAULT, value::page_size)?,
                    page_size_max: sources.require(&list::PAGE_SIZE_MAX, value::page_size)?,
                    body_timeout: seconds(&list::BODY_TIMEOUT_SECONDS)?,
                },
            },
        };
        let api = &settings.server.api;
        if api.page_size_default > api.page_size_max {
            let why =
                format!("it must be at most {}, which is the largest page ({})", api.page_size_max, list::PAGE_SIZE_MAX.names());
            return Err(SettingError::bad(&list::PAGE_SIZE_DEFAULT, &api.page_size_default.to_string(), &why));
        }
        Ok(settings)
    }

    /// The channel of events that name none.
    pub(crate) fn default_channel(&self) -> ChannelId {
        self.server.api.default_channel
    }

    /// Opens the store, and makes its database if that is not there.
    pub(crate) fn open_store(&self) -> anyhow::Result<Store> {
        self.open(true)
    }

    /// Opens the store of a database that is there: to look at nothing is a mistake.
    pub(crate) fn open_existing_store(&self) -> anyhow::Result<Store> {
        self.open(false)
    }

    fn open(&self, create_if_missing: bool) -> anyhow::Result<Store> {
        let point_readers = u32::try_from(self.workers()).unwrap_or(u32::MAX);
        let config = StoreConfig { point_readers, create_if_missing, ..StoreConfig::new(&self.database_url) };
        Store::open(&config).map_err(|error| match error {
            // What a URL may be is for the store to know; how the setting is called is not.
            OpenError::Url { url, why } => SettingError::bad(&list::DATABASE_URL, &url, &why).into(),
            other => other.into(),
        })
    }

    /// Threads that answer requests. Each reads by key on a connection that it never waits for.
    fn workers(&self) -> usize {
        self.server.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
    }
}
