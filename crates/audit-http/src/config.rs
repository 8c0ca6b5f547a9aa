//! Settings of the API and of the server, passed by value.

use std::time::Duration;

use audit_store::domain::ChannelId;

use crate::cors::CorsOrigins;
use crate::metrics::Metrics;
use crate::proxy::TrustedProxies;
use crate::tls::Tls;
use crate::witnesses::Witness;

/// The settings of the API, in this server or in another service.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// Scheme, host and path prefix of links, such as `https://audit.example.com`. With `None`,
    /// links use those of the request.
    pub public_url: Option<String>,
    /// The proxies whose `Forwarded` and `X-Forwarded-` headers the server believes.
    pub trusted_proxies: TrustedProxies,
    /// The channel of requests that name none, for tokens that may use this channel.
    pub default_channel: ChannelId,
    /// Results on a page of the published APIs if the client does not ask for a number.
    pub page_size_default: i64,
    /// The maximum number of results on a page of the published APIs.
    pub page_size_max: i64,
    /// The time that a request body may take to arrive.
    pub body_timeout: Duration,
    /// The time that the commit of an append may take. After it, the server asks the client to send
    /// the append again with the same uuids.
    pub append_timeout: Duration,
    /// Whether `/log/` (checkpoints, tiles, verifier keys) is readable without a key. It shows uuids,
    /// times and numbers of entries.
    pub public_log: bool,
    /// The witnesses whose cosignatures `/readyz` and `/metrics` watch. [`Witnessing`](crate::Witnessing) asks them.
    pub witnesses: Vec<Witness>,
    /// The metrics that `/metrics` shows. Without them, the page does not exist.
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
            public_log: false,
            witnesses: Vec::new(),
            metrics: None,
        }
    }
}

/// The settings of the server.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Address and port, such as `127.0.0.1:8080`. Port 0 takes any free port.
    pub listen: String,
    /// The TLS settings, or `None` for plain HTTP.
    pub tls: Option<Tls>,
    /// The number of threads that answer requests, or `None` for one for each core.
    pub workers: Option<usize>,
    /// The time that the head of a request may take to arrive.
    pub head_timeout: Duration,
    /// The time that a connection may be idle between two requests.
    pub idle_timeout: Duration,
    /// The time in which a client must take at least a part of its answer. The operating system
    /// reports up to 128 KiB at a time, so this is also a rate: with the default, a little over 2
    /// KiB/s.
    pub stall_timeout: Duration,
    /// The time that accepted requests may take to finish at shutdown.
    pub shutdown_timeout: Duration,
    /// The origins whose web pages may call the server from a browser.
    pub cors_origins: CorsOrigins,
    /// The settings of the API.
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
