//! Who may do what to the log. The guards of PostgreSQL are rights: the tables belong to a role that migrates, and the program
//! runs as another one that can append and erase and nothing else.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

/// What the role of a connection may do that no append needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Powers {
    /// Its name.
    pub(crate) role: String,
    /// What it may do, for a sentence: "it is a superuser".
    pub(crate) excess: Vec<String>,
}

impl Powers {
    /// One for each: "`role` is a superuser".
    pub(crate) fn into_sentences(self) -> Vec<String> {
        self.excess.into_iter().map(|what| format!("`{}` {what}", self.role)).collect()
    }
}

#[derive(QueryableByName)]
struct Role {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    is_superuser: bool,
    #[diesel(sql_type = Bool)]
    is_owner: bool,
}

#[derive(QueryableByName)]
struct Right {
    #[diesel(sql_type = Text)]
    right: String,
}

/// Ownership by membership counts: who may become the owner owns the tables.
const ROLE: &str = "SELECT r.rolname::text AS name, r.rolsuper AS is_superuser, \
     EXISTS (SELECT 1 FROM pg_class c WHERE c.oid IN (to_regclass('logs'), to_regclass('events'), to_regclass('action_logs'), \
         to_regclass('tokens')) AND pg_has_role(r.oid, c.relowner, 'MEMBER')) AS is_owner \
     FROM pg_roles r WHERE r.rolname = current_user";

/// Rights beyond those that [`GRANTS`] gives, on what the log consists of.
const EXCESS: &str = "SELECT right_of || ' ' || named AS right FROM ( \
     SELECT p.right_of, c.relname::text AS named FROM pg_class c, (VALUES ('DELETE'), ('TRUNCATE'), ('TRIGGER')) p (right_of) \
     WHERE c.oid IN (to_regclass('logs'), to_regclass('events'), to_regclass('action_logs'), to_regclass('tokens')) \
         AND has_table_privilege(c.oid, p.right_of) \
     UNION ALL \
     SELECT 'UPDATE', c.relname || '.' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
     WHERE c.oid IN (to_regclass('logs'), to_regclass('events'), to_regclass('action_logs'), to_regclass('tokens')) \
         AND a.attnum > 0 AND NOT a.attisdropped AND has_column_privilege(c.oid, a.attnum, 'UPDATE') \
         AND (a.attname IN ('channel_id', 'stream', 'position', 'uuid', 'timestamp', 'created_at', 'producer_id', 'leaf_hash') \
             OR (a.attname = 'recorded_at' AND c.relname <> 'logs') \
             OR (c.relname = 'tokens' AND a.attname <> 'revoked_at')) \
     ) excess ORDER BY 1";

pub(in super::super) fn powers(conn: &mut PgConnection) -> QueryResult<Powers> {
    let role: Role = diesel::sql_query(ROLE).get_result(conn)?;
    let mut excess = Vec::new();
    if role.is_superuser {
        excess.push("is a superuser".to_owned());
    }
    if role.is_owner {
        excess.push("owns the tables".to_owned());
    }
    if excess.is_empty() {
        let rights: Vec<Right> = diesel::sql_query(EXCESS).load(conn)?;
        excess.extend(rights.into_iter().map(|right| format!("may {}", right.right)));
    }
    Ok(Powers { role: role.name, excess })
}

/// What the application's role gets, after everything it had is taken away: to append, to read, and to let slots and what is made
/// from them go to NULL. Never the place, the uuid, the instants, the producer or the leaf of an entry; no DELETE and no TRUNCATE
/// but of counters, which are made anew, and of the registry of object types.
const GRANTS: [&str; 11] = [
    "REVOKE ALL ON logs, events, action_logs, tokens, content_types, counters, counters_by_hour, __diesel_schema_migrations, \
         events_readable, action_logs_readable FROM",
    "GRANT SELECT, INSERT ON logs, events, action_logs, tokens TO",
    "GRANT UPDATE (next_position, recorded_at) ON logs TO",
    "GRANT UPDATE (seals, action, content_type, table_name, object_id, object_num, user_id, user_num, user_name, remote_addr, url, \
         subject_json, user_json, remote_addr_json, url_json, query_params, post_data, headers, content, description_json, extra) \
         ON events TO",
    "GRANT UPDATE (seals, level, logger_name, app_name, subject_json, message, trace, extra) ON action_logs TO",
    "GRANT UPDATE (revoked_at) ON tokens TO",
    "GRANT SELECT, INSERT, DELETE ON content_types TO",
    "GRANT SELECT, INSERT, DELETE ON counters, counters_by_hour TO",
    "GRANT UPDATE (count) ON counters TO",
    "GRANT UPDATE (count) ON counters_by_hour TO",
    "GRANT SELECT ON __diesel_schema_migrations, events_readable, action_logs_readable TO",
];

/// Gives a role what the program needs, and takes everything else from it.
pub(in super::super) fn grant(conn: &mut PgConnection, role: &str) -> QueryResult<()> {
    #[derive(QueryableByName)]
    struct Schema {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    super::in_write(conn, |conn| {
        let schema: Schema = diesel::sql_query("SELECT current_schema()::text AS name").get_result(conn)?;
        conn.batch_execute(&format!("GRANT USAGE ON SCHEMA {} TO {}", quoted(&schema.name), quoted(role)))?;
        GRANTS.iter().try_for_each(|grant| conn.batch_execute(&format!("{grant} {}", quoted(role))))
    })
}
