//! The audit log over HTTP.

use actix_web::web::ServiceConfig;
use audit_store::Store;

mod config;
mod server;

pub use config::{ApiConfig, ServerConfig};
pub use server::{ListenError, Server};

/// The crate below.
pub use audit_store as store;

/// Mounts the API into an actix service.
pub fn configure(store: Store, config: ApiConfig) -> impl FnOnce(&mut ServiceConfig) + Clone {
    move |service| {
        drop((store, config, service));
    }
}
