//! The privileges of roles. PostgreSQL guards the log with privileges: one role owns the tables and
//! migrates, and the program runs as another role that can read and append, and cannot change or
//! delete an entry.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

/// The privileges of a connection's role that the program does not need, and those that it lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RolePrivileges {
    /// The name of the role.
    pub(crate) role: String,
    /// The excess privileges, as the end of a sentence: "is a superuser".
    pub(crate) excess: Vec<String>,
    /// The missing privileges: "INSERT events".
    pub(crate) missing: Vec<String>,
}

impl RolePrivileges {
    /// One sentence for each: "`role` is a superuser".
    pub(crate) fn into_excess_sentences(self) -> Vec<String> {
        self.excess.into_iter().map(|what| format!("`{}` {what}", self.role)).collect()
    }
}

#[derive(QueryableByName)]
struct Said {
    #[diesel(sql_type = Text)]
    said: String,
}

/// A role that may become another one has its privileges, at the latest after SET ROLE.
const ROLE: &str = "SELECT said FROM pg_roles r, pg_database d, pg_namespace n, LATERAL (VALUES \
         (r.rolsuper, 'is a superuser'), \
         (NOT r.rolsuper AND EXISTS (SELECT 1 FROM pg_roles s WHERE s.rolsuper AND pg_has_role(r.oid, s.oid, 'MEMBER')), \
             'may become a superuser'), \
         (NOT r.rolsuper AND r.rolcreaterole, 'may make and grant roles'), \
         (EXISTS (SELECT 1 FROM pg_class c WHERE c.oid IN ({tables}) AND pg_has_role(r.oid, c.relowner, 'MEMBER')), \
             'owns the tables'), \
         (NOT r.rolsuper AND (pg_has_role(r.oid, d.datdba, 'MEMBER') OR pg_has_role(r.oid, n.nspowner, 'MEMBER')), \
             'owns the database or its schema'), \
         (NOT r.rolsuper AND EXISTS (SELECT 1 FROM pg_roles s WHERE pg_has_role(r.oid, s.oid, 'MEMBER') \
             AND s.rolname IN ('pg_execute_server_program', 'pg_write_server_files')), 'may write files of the server') \
     ) AS privileges (holds, said) \
     WHERE r.rolname = $1 AND d.datname = current_database() AND n.nspname = current_schema() AND holds";

/// Privileges on the tables of the log beyond those of [`GRANTS`], of the role and of every role
/// that it may become.
const EXCESS: &str = "WITH own AS (SELECT s.oid FROM pg_roles s WHERE pg_has_role($1, s.oid, 'MEMBER')) \
     SELECT 'may ' || right_of || ' ' || named AS said FROM ( \
     SELECT p.right_of, c.relname::text AS named \
     FROM pg_class c, (VALUES ('DELETE'), ('TRUNCATE'), ('TRIGGER'), ('REFERENCES')) p (right_of) \
     WHERE c.oid IN ({tables}) AND EXISTS (SELECT 1 FROM own WHERE has_table_privilege(own.oid, c.oid, p.right_of)) \
     UNION ALL \
     SELECT 'UPDATE', c.relname || CASE count(*) WHEN 1 THEN '.' || min(a.attname::text) ELSE ' (' || count(*) || ' columns)' END \
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
     WHERE c.oid IN ({tables}) AND a.attnum > 0 AND NOT a.attisdropped \
         AND EXISTS (SELECT 1 FROM own WHERE has_column_privilege(own.oid, c.oid, a.attnum, 'UPDATE')) \
         AND NOT (c.relname = 'logs' AND a.attname IN ('next_position', 'recorded_at')) \
         AND NOT (c.relname = 'trees' AND a.attname IN ('size', 'root', 'log_name')) \
         AND NOT (c.relname = 'checkpoints' AND a.attname IN ('size', 'note')) \
         AND NOT (c.relname = 'erasures' AND a.attname IN ('erased_to', 'finished_at')) \
         AND NOT (c.relname = 'cosignatures' AND a.attname IN ('size', 'cosigned_at', 'note', 'signature')) \
         AND NOT (c.relname = 'signing_keys' AND a.attname = 'retired_at') \
         AND NOT (c.relname = 'tokens' AND a.attname = 'revoked_at') \
     GROUP BY c.relname \
     ) excess ORDER BY 1";

/// Privileges that an append, a read or the index needs and the role lacks, for example after an
/// upgrade that created a table.
const MISSING: &str = "SELECT p.right_of || ' ' || c.relname AS said \
     FROM pg_class c, (VALUES ('SELECT'), ('INSERT'), ('DELETE')) p (right_of) \
     WHERE c.oid IN ({tables}, to_regclass('content_types'), to_regclass('segments'), to_regclass('segment_times'), \
             to_regclass('postings'), to_regclass('tiles')) \
         AND (p.right_of <> 'DELETE' OR c.relname IN ('segments', 'segment_times', 'postings', 'tiles')) \
         AND NOT has_table_privilege($1, c.oid, p.right_of) \
     UNION ALL \
     SELECT 'EXECUTE ' || p.proname FROM pg_proc p \
     WHERE p.pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) \
         AND p.proname IN ('erase_events', 'erase_action_logs') AND NOT has_function_privilege($1, p.oid, 'EXECUTE') ORDER BY 1";

const TABLES: &str = "to_regclass('logs'), to_regclass('events'), to_regclass('action_logs'), to_regclass('trees'), to_regclass('tokens'), \
         to_regclass('log_names'), to_regclass('signing_keys'), to_regclass('checkpoints'), to_regclass('erasures'), \
         to_regclass('root_entries'), to_regclass('cosignatures')";

pub(in super::super) fn role_privileges(conn: &mut PgConnection) -> QueryResult<RolePrivileges> {
    let role: Said = diesel::sql_query("SELECT current_user::text AS said").get_result(conn)?;
    role_privileges_of(conn, role.said)
}

fn role_privileges_of(conn: &mut PgConnection, role: String) -> QueryResult<RolePrivileges> {
    let mut said = |sql: &str| {
        let query = diesel::sql_query(sql.replace("{tables}", TABLES)).bind::<Text, _>(&role);
        Ok::<_, diesel::result::Error>(query.load::<Said>(conn)?.into_iter().map(|row| row.said).collect::<Vec<_>>())
    };
    let mut excess = said(ROLE)?;
    if excess.is_empty() {
        excess = said(EXCESS)?;
    }
    let missing = said(MISSING)?;
    Ok(RolePrivileges { role, excess, missing })
}

/// The privileges of the application's role, which are granted after all others are revoked: to
/// read and to append. It gets no UPDATE on any column of `events` and `action_logs`: the two functions
/// that erase can make a value NULL and nothing else (`docs/decisions/0059-erasure.md`). It gets
/// DELETE only on tables that are rebuilt (the index, the tiles) or replaced (the registry of content types).
const GRANTS: [&str; 15] = [
    "REVOKE ALL ON logs, events, action_logs, tokens, content_types, segments, segment_times, postings, \
         trees, tiles, log_names, signing_keys, checkpoints, erasures, root_entries, cosignatures, \
         __diesel_schema_migrations, events_readable, action_logs_readable FROM",
    "GRANT SELECT, INSERT ON logs, events, action_logs, trees, tokens, log_names, signing_keys, checkpoints, \
         erasures, root_entries, cosignatures TO",
    "GRANT UPDATE (next_position, recorded_at) ON logs TO",
    "GRANT UPDATE (size, root, log_name) ON trees TO",
    "GRANT UPDATE (size, note) ON checkpoints TO",
    "GRANT UPDATE (size, cosigned_at, note, signature) ON cosignatures TO",
    "GRANT UPDATE (erased_to, finished_at) ON erasures TO",
    "GRANT EXECUTE ON FUNCTION erase_events(BIGINT, BIGINT[], SMALLINT[]) TO",
    "GRANT EXECUTE ON FUNCTION erase_action_logs(BIGINT, BIGINT[], SMALLINT[]) TO",
    "GRANT UPDATE (retired_at) ON signing_keys TO",
    "GRANT UPDATE (revoked_at) ON tokens TO",
    "GRANT SELECT, INSERT, DELETE ON content_types TO",
    "GRANT SELECT, INSERT, DELETE ON segments, segment_times, postings, tiles TO",
    "GRANT UPDATE (hashes) ON tiles TO",
    "GRANT SELECT ON __diesel_schema_migrations, events_readable, action_logs_readable TO",
];

/// Grants a role the privileges that the program needs, revokes all others, and returns the role's
/// privileges after that. They may differ: the owner cannot revoke what other roles granted or what
/// the role itself is, and a GRANT by a role that may not grant is only a warning.
pub(in super::super) fn grant(conn: &mut PgConnection, role: &str) -> QueryResult<RolePrivileges> {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    super::in_write(conn, |conn| {
        let schema: Said = diesel::sql_query("SELECT current_schema()::text AS said").get_result(conn)?;
        conn.batch_execute(&format!("GRANT USAGE ON SCHEMA {} TO {}", quoted(&schema.said), quoted(role)))?;
        GRANTS.iter().try_for_each(|grant| conn.batch_execute(&format!("{grant} {}", quoted(role))))?;
        role_privileges_of(conn, role.to_owned())
    })
}
