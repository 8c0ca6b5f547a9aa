//! Mounts the audit APIs into an actix service of your own, beside your routes.
//!
//! `cargo run -p audit-http --example mount_in_actix -- sqlite://audit-data/audit.db 127.0.0.1:8081`

use std::time::Duration;

use actix_web::{App, HttpServer, web};
use audit_http::store::Store;
use audit_http::store::domain::{ChannelGrant, NewToken, Role};
use audit_http::{ApiConfig, configure};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, listen] = arguments.as_slice() else { return Err("usage: mount_in_actix DATABASE_URL ADDRESS:PORT".into()) };
    let store = Store::open(url.as_str())?;
    if store.tokens()?.is_empty() {
        let admin = NewToken { name: "example".into(), role: Role::Admin, channels: ChannelGrant::All, expires_at: None };
        println!("key: {}", store.create_token(admin)?.1.reveal());
    }
    let api = configure(store.clone(), ApiConfig::default());
    HttpServer::new(move || App::new().route("/", web::get().to(async || "my own service")).configure(api.clone()))
        .bind(listen)?
        .run()
        .await?;
    // The threads of the server drop what they hold a little after it has ended.
    store.close_database(Duration::from_secs(2));
    Ok(())
}
