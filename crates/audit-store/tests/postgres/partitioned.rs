//! The schema as a cluster would have it: the tables of the tenants cut by channel. PostgreSQL refuses a primary or unique key of such
//! a table that lacks the channel, and a query that names no channel has to look into all of its parts.

use std::path::Path;

use postgres::{Client, NoTls};

/// What has a channel in every row.
const TENANT_TABLES: [&str; 12] = [
    "logs",
    "events",
    "action_logs",
    "segments",
    "segment_times",
    "postings",
    "trees",
    "tiles",
    "checkpoints",
    "erasures",
    "root_entries",
    "cosignatures",
];
const PARTITIONS: usize = 4;

/// Makes the schema in an empty database from the migrations, with the tables of the tenants cut by hash of the channel.
pub(crate) fn migrate_partitioned(url: &str, migrations: &Path) {
    let mut client = Client::connect(url, NoTls).unwrap();
    let run_on = "run_on timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP";
    client.batch_execute(&format!("CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY, {run_on})")).unwrap();
    let mut names: Vec<String> =
        std::fs::read_dir(migrations).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    for name in names {
        let mut sql = std::fs::read_to_string(migrations.join(&name).join("up.sql")).unwrap();
        let table = TENANT_TABLES.iter().find(|table| name.ends_with(&format!("_create_{table}")));
        if let Some(table) = table {
            let end = sql.rfind("\n)").unwrap() + 2;
            sql.truncate(end);
            sql.push_str(" PARTITION BY HASH (channel_id);\n");
            for part in 0..PARTITIONS {
                let of = format!("FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {part})");
                sql += &format!("CREATE TABLE {table}_{part} PARTITION OF {table} {of};\n");
            }
        }
        client.batch_execute(&sql).unwrap_or_else(|error| panic!("{name}: {error}"));
        let version: String = name[..17].chars().filter(char::is_ascii_digit).collect();
        client.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ($1)", &[&version]).unwrap();
    }
}
