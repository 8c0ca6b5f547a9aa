//! Settings of the API and of the server, passed by value.

use std::time::Duration;

use audit_store::domain::ChannelId;

use crate::cors::CorsOrigins;
use crate::metrics::Metrics;
use crate::proxy::TrustedProxies;
use crate::tls::Tls;

/// What the API needs to know, wherever it is mounted.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// Scheme, host and path prefix of links, such as `https://audit.example.com`; `None` to take the request's own.
    pub public_url: Option<String>,
    /// Whose `Forwarded` and `X-Forwarded-` headers are believed.
    pub trusted_proxies: TrustedProxies,
    /// The channel of requests that name none, for tokens that may use it.
    pub default_channel: ChannelId,
    /// Results of a page of the published APIs when nothing is asked for.
    pub page_size_default: i64,
    /// Results of their largest page.
    pub page_size_max: i64,
    /// How long a request body may take to arrive.
    pub body_timeout: Duration,
    /// How long the commit of an append may take before the client is told to send it again with the same uuids.
    pub append_timeout: Duration,
    /// What `/metrics` shows; without it there is no such page.
    pub metrics: Option<Metrics>,
}

impl Default for ApiConfig {
    fn default() -> Self {
        ApiConfig {
            public_url: None,
            trusted_proxies: TrustedProxies::default(),
            default_channel: ChannelId::DEFAULT,
            page_size_default: 10,
            page_size_max: 1000,
            body_timeout: Duration::from_secs(30),
            append_timeout: Duration::from_secs(30),
            metrics: None,
        }
    }
}

/// What the server needs to know.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Address and port, such as `127.0.0.1:8080`; port 0 for any free one.
    pub listen: String,
    /// `None` for plain HTTP.
    pub tls: Option<Tls>,
    /// Threads that answer requests; `None` for one a core.
    pub workers: Option<usize>,
    /// How long the head of a request may take to arrive.
    pub head_timeout: Duration,
    /// How long a connection may be idle between two requests.
    pub idle_timeout: Duration,
    /// How long a client may take nothing of its answer. The operating system tells of up to 128 KiB at a time, so this is a rate
    /// too: with the default, a little over 2 KiB/s.
    pub stall_timeout: Duration,
    /// How long accepted requests may take to finish at shutdown.
    pub shutdown_timeout: Duration,
    /// Whose web pages may call the server from a browser.
    pub cors_origins: CorsOrigins,
    /// The API.
    pub api: ApiConfig,
}

impl Default for ServerConfig {
    fn default() -> Self {
        ServerConfig {
            listen: "127.0.0.1:8080".to_owned(),
            tls: None,
            workers: None,
            head_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(75),
            stall_timeout: Duration::from_secs(60),
            shutdown_timeout: Duration::from_secs(30),
            cors_origins: CorsOrigins::default(),
            api: ApiConfig::default(),
        }
    }
}
