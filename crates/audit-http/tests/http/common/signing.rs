//! A server whose store signs its checkpoints.

use std::ops::Deref;

use audit_http::ServerConfig;
use audit_http::store::{Signing, Store};
use tempfile::TempDir;

use super::{TestDatabase, TestServer};

/// The key and the checkpoints of a store that signs.
pub(crate) struct SigningFiles(TempDir);

impl SigningFiles {
    pub(crate) fn new() -> SigningFiles {
        SigningFiles(tempfile::tempdir().unwrap())
    }

    pub(crate) fn signing(&self) -> Signing {
        Signing::new(self.0.path().join("signing.key"), self.0.path().join("checkpoints"))
    }

    /// Signs the logs of a server that does not sign by itself.
    pub(crate) fn sign(&self, server: &TestServer) {
        let store = Store::open(server.store_config().signing(self.signing())).unwrap();
        store.sign().unwrap();
        store.close();
    }
}

/// A server that signs. Its files go away after it.
pub(crate) struct SigningServer {
    server: TestServer,
    _files: SigningFiles,
}

impl SigningServer {
    pub(crate) fn start() -> SigningServer {
        SigningServer::over(TestDatabase::new(), |_| {})
    }

    /// Over a database, whose logs are signed before the first request.
    pub(crate) fn over(place: TestDatabase, configure: impl FnOnce(&mut ServerConfig)) -> SigningServer {
        let files = SigningFiles::new();
        let store = Store::open(place.config().signing(files.signing())).unwrap();
        store.sign().unwrap();
        SigningServer { server: TestServer::with_store(place, store, configure), _files: files }
    }

    /// Signs now what was appended.
    pub(crate) fn sign(&self) {
        self.server.store.sign().unwrap();
    }

    pub(crate) fn stop(self) {
        self.server.stop();
    }
}

impl Deref for SigningServer {
    type Target = TestServer;

    fn deref(&self) -> &TestServer {
        &self.server
    }
}
