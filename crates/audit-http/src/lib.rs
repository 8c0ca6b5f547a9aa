//! Serves the audit log over HTTP: the published APIs and the native API, for any actix-web
//! service.
//!
//! [`Server`] is the whole server. [`configure`] mounts the API into another server:
//!
//! ```no_run
//! use actix_web::{App, HttpServer};
//! use audit_http::store::Store;
//! use audit_http::{ApiConfig, configure};
//!
//! #[actix_web::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let store = Store::open("sqlite://audit-data/audit.db")?;
//!     let api = configure(store, ApiConfig::default());
//!     HttpServer::new(move || App::new().configure(api.clone())).bind("127.0.0.1:8080")?.run().await?;
//!     Ok(())
//! }
//! ```
//!
//! A service that has the store appends and reads without HTTP:
//!
//! ```
//! use audit_http::store::Store;
//! use audit_http::store::domain::{EventFilter, NewEvent, User};
//! # let (before, after) = ("open", "paid");
//! # let dir = tempfile::tempdir()?;
//! # std::env::set_current_dir(&dir)?;
//!
//! let log = Store::open("sqlite://audit.db")?.channel(42)?.events();
//! let receipt = log.append(NewEvent::update("orders.order", 859).by(User::new(7, "zoe")).change(&before, &after)?)?;
//! for event in log.list(EventFilter::object("859")).page(1, 10)? {
//!     println!("{:?} {:?} at position {}", event.user_name(), event.action(), event.position());
//! #   assert_eq!((event.uuid(), event.position()), (receipt.uuid, receipt.position));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod access_log;
mod admission;
mod api;
mod auth;
mod blocking;
mod body;
mod bound;
mod config;
mod connections;
mod cors;
mod drf;
mod failure;
mod idempotency;
mod metrics;
mod not_done;
mod openapi;
mod params;
mod parsers;
mod probe;
mod problem;
mod proxy;
mod queries;
mod read_ahead;
mod routes;
mod server;
mod state;
mod template;
mod tls;
mod wire;
mod witness;
mod witnesses;

pub use api::{openapi_json, parse_action_log_filter, parse_event_filter, parse_inventory_log};
pub use config::{ApiConfig, ServerConfig};
pub use cors::{CorsOrigins, NotAnOrigin};
pub use metrics::Metrics;
pub use probe::{ProbeAnswer, probe, reachable};
pub use proxy::{NotANetwork, TrustedProxies};
pub use server::{ListenError, Server};
pub use tls::{Concern, Tls, TlsError};
pub use wire::is_said_otherwise;
pub use witness::{WitnessServer, WitnessService};
pub use witnesses::{Witness, Witnessing};

/// The crate directly below this one.
pub use audit_store as store;

use actix_web::web;
use actix_web::web::ServiceConfig;
use audit_store::Store;

/// Mounts the API into an actix service, at the paths that its clients know. The other service
/// still answers all other paths.
pub fn configure(store: Store, config: ApiConfig) -> impl FnOnce(&mut ServiceConfig) + Clone {
    let data = web::Data::new(state::Api::new(store, config));
    move |service| {
        service.app_data(data);
        let mut routes = routes::Routes::new(service);
        api::configure(&mut routes);
    }
}

/// Compiles the example of the page for people.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
