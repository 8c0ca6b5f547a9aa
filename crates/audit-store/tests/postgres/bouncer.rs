//! pgbouncer in transaction mode, in front of a server.

use std::path::PathBuf;

use super::Server;
use super::keeper::Keeper;
use super::server::{SUPERUSER, encoded};

/// A pooler that gives every transaction whichever server connection is free, of two.
pub(crate) struct Bouncer {
    keeper: Keeper,
}

impl Bouncer {
    #[track_caller]
    pub(crate) fn start(server: &Server) -> Bouncer {
        let bouncer = Bouncer { keeper: Keeper::start() };
        let place = bouncer.keeper.directory().display();
        // `auth_type = any` logs everybody in as the one user of the connection string.
        let settings = format!(
            "[databases]\n* = host={} user={SUPERUSER}\n[pgbouncer]\nlisten_addr =\nunix_socket_dir = {place}\nauth_type = any\n\
             pool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 200\nignore_startup_parameters = extra_float_digits\n",
            server.sockets().display()
        );
        std::fs::write(bouncer.keeper.directory().join("bouncer.ini"), settings).unwrap();
        bouncer.keeper.serve(&program(), &["bouncer.ini"], &bouncer.url("postgres"));
        bouncer
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://{SUPERUSER}@/{database}?host={}&port=6432", encoded(self.keeper.directory()))
    }
}

/// Debian keeps it where only root looks.
fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into()]).map(|folder| folder.join("pgbouncer"));
    let found = places.into_iter().find(|file| file.exists());
    found.unwrap_or_else(|| panic!("these tests need pgbouncer, which is not here: install it (Debian: apt-get install pgbouncer)"))
}
