//! A server that could lose what it acknowledged is refused, and what it is told to do in a hurry is not done.

use audit_store::{OpenError, Store, StoreConfig};

use crate::common::{append, checked_logs, event};
use crate::postgres_server::{Database, Server};

#[test]
fn a_server_without_fsync_or_full_page_writes_is_refused() {
    for setting in ["fsync", "full_page_writes"] {
        let server = Server::with(&[(setting, "off")]);
        server.create("audit");
        let error = Store::open(StoreConfig::new(server.url("audit"))).unwrap_err();
        assert!(
            matches!(&error, OpenError::Unsafe { setting: named, actual, .. } if *named == setting && actual == "off"),
            "{error}"
        );
        assert!(error.to_string().ends_with(&format!("it may lose what it acknowledged; set {setting} = on")), "{error}");
        let tables = server.client("audit").query("SELECT 1 FROM pg_class WHERE relname = 'events'", &[]).unwrap();
        assert!(tables.is_empty(), "nothing was made");
        server.set(setting, "on");
        assert!(Store::open(StoreConfig::new(server.url("audit"))).is_ok());
    }
}

#[test]
fn a_database_of_another_encoding_is_refused() {
    let database = Database::empty();
    let name = format!("{}_ascii", database.name());
    database
        .client()
        .batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"))
        .unwrap();
    let error = Store::open(StoreConfig::new(database.url().replace(database.name(), &name))).unwrap_err().to_string();
    database.client().batch_execute(&format!("DROP DATABASE {name}")).unwrap();
    assert!(error.contains("its encoding is SQL_ASCII; create it with ENCODING 'UTF8'"), "{error}");
}

/// The database says that a commit need not be on disk, and that nothing may take longer than a tick.
#[test]
fn what_a_database_or_a_role_sets_makes_no_commit_less_safe() {
    let database = Database::empty();
    let name = database.name();
    // Its session is older than the settings.
    let mut client = database.client();
    client
        .batch_execute(&format!(
            "ALTER DATABASE {name} SET synchronous_commit = off;
             ALTER DATABASE {name} SET statement_timeout = '1s';
             ALTER DATABASE {name} SET default_transaction_isolation = 'serializable';
             ALTER DATABASE {name} SET default_transaction_read_only = on"
        ))
        .unwrap();
    let store = Store::open(StoreConfig::new(database.url())).unwrap();
    store.refuse_read_only().unwrap();
    store.check().unwrap();
    // Tells from inside of the transaction what holds in it.
    client
        .batch_execute(
            "CREATE TABLE seen (name text, setting text);
             CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 INSERT INTO seen SELECT name, setting FROM pg_settings
                 WHERE name IN ('idle_in_transaction_session_timeout', 'synchronous_commit', 'statement_timeout', 'transaction_isolation', 'lock_timeout');
                 RETURN NEW;
             END $$;
             CREATE TRIGGER look AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION look()",
        )
        .unwrap();
    append(&store, vec![event("{}")]);
    let seen = client.query("SELECT name || ' ' || setting FROM seen ORDER BY 1", &[]).unwrap();
    let seen: Vec<String> = seen.iter().map(|row| row.get(0)).collect();
    let wanted = [
        "idle_in_transaction_session_timeout 30000",
        "lock_timeout 10000",
        "statement_timeout 0",
        "synchronous_commit on",
        "transaction_isolation read committed",
    ];
    assert_eq!(seen, wanted);
    client.batch_execute(&format!("ALTER DATABASE {name} SET synchronous_commit = remote_apply; DELETE FROM seen")).unwrap();
    append(&Store::open(StoreConfig::new(database.url())).unwrap(), vec![event("{}")]);
    let seen = client.query("SELECT setting FROM seen WHERE name = 'synchronous_commit'", &[]).unwrap();
    assert_eq!(seen[0].get::<_, String>(0), "remote_apply", "what waits for more is left as it is");
    assert_eq!(checked_logs(&store).len(), 2);
}

#[test]
fn an_unreachable_server_gives_one_sentence_without_a_password() {
    let error = |url: &str| Store::open(StoreConfig::new(url)).unwrap_err().to_string();
    for url in [
        "postgres://me:s3cret@127.0.0.1:1/audit",
        "postgres://me:s3cret@/audit?host=%2Fnowhere",
        "postgres://me:s3cret@127.0.0.1:1/audit?nonsense=1",
        "postgres://me:s3cret@127.0.0.1:99999999/audit",
    ] {
        let error = error(url);
        assert!(
            error.starts_with("the database `postgres://me:…@") && !error.contains('\n') && !error.contains("s3cret"),
            "{error}"
        );
    }
    let database = Database::empty();
    let missing = error(&database.url().replace(database.name(), "audit_test_nothing"));
    assert!(missing.contains("database \"audit_test_nothing\" does not exist"), "{missing}");
    let role = error(&database.url_as("audit_test_nobody"));
    assert!(role.contains("role \"audit_test_nobody\" does not exist"), "{role}");
}

/// The default build has no TLS to PostgreSQL; the message says what to build.
#[cfg(not(feature = "postgres-tls"))]
#[test]
fn a_url_that_needs_tls_names_the_feature() {
    for mode in ["require", "verify-ca", "verify-full"] {
        let error =
            Store::open(StoreConfig::new(format!("postgres://me@127.0.0.1:1/audit?sslmode={mode}"))).unwrap_err().to_string();
        assert!(error.contains("--features postgres-tls"), "{error}");
    }
}
