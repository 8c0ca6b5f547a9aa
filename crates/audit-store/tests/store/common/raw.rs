//! A connection that is not the store's: a SQL prompt, to look at what is stored and to do what no program of ours does. Which
//! database the tests run on is decided by the name of their binary: the same bodies are linked several times.

use std::cell::RefCell;
use std::path::Path;

/// Whether these tests run on PostgreSQL.
pub(crate) fn on_postgres() -> bool {
    env!("CARGO_CRATE_NAME").ends_with("_postgres")
}

/// Whether the tables of the tenants are partitioned, as in a cluster.
pub(crate) fn is_partitioned() -> bool {
    env!("CARGO_CRATE_NAME").contains("_partitioned_")
}

/// What is different about the SQL of a test.
pub(crate) fn of_database<T>(sqlite: T, postgres: T) -> T {
    if on_postgres() { postgres } else { sqlite }
}

/// Bytes as a literal.
pub(crate) fn blob(bytes: &[u8]) -> String {
    literal(bytes, on_postgres())
}

fn literal(bytes: &[u8], for_postgres: bool) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if for_postgres { format!("'\\x{hex}'::bytea") } else { format!("x'{hex}'") }
}

/// A connection to either database, with the settings of a SQL prompt.
pub(crate) enum Raw {
    Sqlite(rusqlite::Connection),
    Postgres(RefCell<postgres::Client>),
}

impl Raw {
    pub(crate) fn file(path: &Path) -> Raw {
        Raw::Sqlite(rusqlite::Connection::open(path).unwrap())
    }

    pub(crate) fn server(url: &str) -> Raw {
        Raw::Postgres(RefCell::new(postgres::Client::connect(url, postgres::NoTls).unwrap()))
    }

    /// Bytes as a literal for this connection.
    pub(crate) fn blob(&self, bytes: &[u8]) -> String {
        literal(bytes, matches!(self, Raw::Postgres(_)))
    }

    /// Runs statements; what goes wrong is what the database said.
    pub(crate) fn try_execute(&self, sql: &str) -> Result<(), String> {
        match self {
            Raw::Sqlite(conn) => conn.execute_batch(sql).map_err(|error| error.to_string()),
            Raw::Postgres(client) => client
                .borrow_mut()
                .batch_execute(sql)
                .map_err(|error| error.as_db_error().map_or_else(|| error.to_string(), |error| error.message().to_owned())),
        }
    }

    #[track_caller]
    pub(crate) fn execute(&self, sql: &str) {
        self.try_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Rows as text: numbers in decimal, bytes in hex.
    #[track_caller]
    pub(crate) fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        match self {
            Raw::Sqlite(conn) => {
                let mut statement = conn.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
                let columns = statement.column_count();
                let row = |row: &rusqlite::Row<'_>| (0..columns).map(|at| row.get_ref(at).map(sqlite_text)).collect();
                statement.query_map([], row).unwrap().map(Result::unwrap).collect()
            }
            Raw::Postgres(client) => {
                let messages = client.borrow_mut().simple_query(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
                let rows = messages.iter().filter_map(|message| match message {
                    postgres::SimpleQueryMessage::Row(row) => Some(row),
                    _ => None,
                });
                rows.map(|row| (0..row.len()).map(|at| row.get(at).map(postgres_text)).collect()).collect()
            }
        }
    }

    /// The first column of each row.
    #[track_caller]
    pub(crate) fn strings(&self, sql: &str) -> Vec<String> {
        self.rows(sql).into_iter().map(|mut row| row.swap_remove(0).unwrap_or_default()).collect()
    }

    /// A transaction in which everything is read of one snapshot.
    pub(crate) fn snapshot<T>(&self, read: impl FnOnce() -> T) -> T {
        self.execute(of_database("BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ"));
        let value = read();
        self.execute("COMMIT");
        value
    }
}

fn sqlite_text(value: rusqlite::types::ValueRef<'_>) -> Option<String> {
    use rusqlite::types::ValueRef;
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(text) => Some(String::from_utf8(text.to_vec()).unwrap()),
        ValueRef::Blob(bytes) => Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
    }
}

fn postgres_text(text: &str) -> String {
    text.strip_prefix("\\x").unwrap_or(text).to_owned()
}

/// Keeps every append from its commit until it is dropped.
pub(crate) struct Lock(Raw);

impl Lock {
    pub(crate) fn take(raw: Raw) -> Lock {
        raw.execute(of_database("BEGIN IMMEDIATE", "BEGIN; LOCK TABLE logs IN EXCLUSIVE MODE"));
        Lock(raw)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.0.execute("ROLLBACK");
    }
}
