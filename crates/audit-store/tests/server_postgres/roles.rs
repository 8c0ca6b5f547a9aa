//! The guards of PostgreSQL: what the role may do that the program runs as.

use audit_store::domain::{ChannelGrant, ChannelId, ErasureOf, NewErasure, NewToken, Role, Stream};
use audit_store::{AppendError, AppendRequest, NotStored, OpenError, Signing, Store, StoreConfig};

use crate::common::{ActionLogs, Events, Kind, Raw, Scratch, TestDatabase, append, checked_logs, event};
use crate::postgres_server::{Database, create_role};

/// Roles belong to all databases of a server, so other runs may have it too; its rights are those of each database.
const APPLICATION: &str = "audit_test_application";

/// A database that was migrated by its owner, with some entries, and a SQL prompt as the application's role.
struct Guarded {
    scratch: Scratch,
    prompt: Raw,
}

fn database(scratch: &Scratch) -> &Database {
    match &scratch.place {
        TestDatabase::Server(database) => database,
        TestDatabase::File(_) => panic!("these tests are about a server"),
    }
}

impl Guarded {
    fn new() -> Guarded {
        create_role(APPLICATION);
        let scratch = Scratch::new();
        assert!(scratch.place.config().grant(APPLICATION).unwrap());
        scratch.append_one::<Events>(r#""object_id":7,"user":{"pk":7},"content":1"#);
        scratch.append_one::<ActionLogs>(r#""logger_name":"l","trace":"t""#);
        let token = NewToken { name: "t".to_owned(), role: Role::Reader, channels: crate::common::only(1), expires_at: None };
        scratch.store.create_token(token).unwrap();
        let prompt = Raw::server(&database(&scratch).url_as(APPLICATION));
        Guarded { scratch, prompt }
    }

    fn config(&self) -> StoreConfig {
        StoreConfig::new(database(&self.scratch).url_as(APPLICATION))
    }

    #[track_caller]
    fn refused(&self, sql: &str) {
        let Err(error) = self.prompt.try_execute(sql) else { panic!("not refused: {sql}") };
        assert!(error.contains("permission denied") || error.contains("must be owner"), "{sql}: {error}");
    }

    #[track_caller]
    fn allowed(&self, sql: &str) {
        self.prompt.execute(&format!("BEGIN; {sql}; ROLLBACK"));
    }
}

fn columns(prompt: &Raw, table: &str) -> Vec<String> {
    let sql = format!("SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0 ORDER BY attnum");
    prompt.strings(&sql)
}

fn assert_guarded<K: Kind>() {
    let (guarded, table) = (Guarded::new(), K::TABLE);
    let columns = columns(&guarded.prompt, table);
    guarded.allowed(&format!("SELECT * FROM {table}"));
    for column in &columns {
        for value in [column, "NULL", "DEFAULT"] {
            guarded.refused(&format!("UPDATE {table} SET {column} = {value} WHERE position = 0"));
        }
    }
    guarded.refused(&format!("SELECT * FROM {table} FOR UPDATE"));
    guarded.refused(&format!("SELECT * FROM {table} FOR SHARE"));
    guarded.refused(&format!("DELETE FROM {table}"));
    guarded.refused(&format!("DELETE FROM {table} WHERE position = 0"));
    guarded.refused(&format!("TRUNCATE {table}"));
    guarded.refused(&format!("TRUNCATE {table} CASCADE"));
    let all = columns.join(", ");
    guarded.allowed(&format!(
        "INSERT INTO {table} SELECT {}",
        all.replacen("position", "position + 1", 1).replacen("uuid", "decode(repeat('ab', 16), 'hex')", 1)
            + &format!(" FROM {table}")
    ));
    // A row that is there is not replaced.
    let upsert = format!("INSERT INTO {table} SELECT * FROM {table} ON CONFLICT (channel_id, position) DO UPDATE SET");
    guarded.refused(&format!("{upsert} leaf_hash = excluded.leaf_hash"));
    guarded.refused(&format!("{upsert} recorded_at = 0"));
    guarded.refused(&format!("{upsert} extra = excluded.extra"));
    let merge = format!("MERGE INTO {table} USING {table} s ON true WHEN MATCHED THEN");
    guarded.refused(&format!("{merge} DELETE"));
    guarded.refused(&format!("{merge} UPDATE SET extra = NULL"));
    for definition in [
        format!("ALTER TABLE {table} DROP COLUMN leaf_hash"),
        format!("ALTER TABLE {table} DISABLE TRIGGER ALL"),
        format!("DROP TABLE {table}"),
        format!("CREATE RULE r AS ON UPDATE TO {table} DO INSTEAD NOTHING"),
        format!("CREATE INDEX ON {table} (recorded_at)"),
        format!("CREATE TRIGGER t BEFORE INSERT ON {table} EXECUTE FUNCTION suppress_redundant_updates_trigger()"),
        "CREATE TABLE x (a int)".to_owned(),
        format!("SET ROLE {}", database(&guarded.scratch).role()),
    ] {
        guarded.refused(&definition);
    }
    // To grant what one has not is a warning, and nothing is granted.
    guarded.prompt.execute(&format!("GRANT DELETE ON {table} TO PUBLIC"));
    guarded.refused(&format!("DELETE FROM {table}"));
}

#[test]
fn privileges_guard_events_by_verb_and_by_column() {
    assert_guarded::<Events>();
}

#[test]
fn privileges_guard_action_logs_by_verb_and_by_column() {
    assert_guarded::<ActionLogs>();
}

#[test]
fn heads_trees_and_tokens_are_guarded_too() {
    let guarded = Guarded::new();
    for table in ["logs", "trees", "tokens", "log_names", "signing_keys", "checkpoints", "erasures", "root_entries", "cosignatures"]
    {
        guarded.refused(&format!("DELETE FROM {table}"));
        guarded.refused(&format!("TRUNCATE {table}"));
    }
    let rights = [
        ("logs", &["next_position", "recorded_at"][..]),
        ("trees", &["size", "root", "log_name"]),
        ("checkpoints", &["size", "note"]),
        ("erasures", &["erased_to", "finished_at"]),
        ("cosignatures", &["size", "cosigned_at", "note", "signature"]),
        ("root_entries", &[]),
        ("signing_keys", &["retired_at"]),
        ("log_names", &[]),
        ("tiles", &["hashes"]),
        ("tokens", &["revoked_at"]),
    ];
    for (table, may) in rights {
        for column in columns(&guarded.prompt, table) {
            let update = format!("UPDATE {table} SET {column} = {column}");
            if may.contains(&column.as_str()) { guarded.allowed(&update) } else { guarded.refused(&update) }
        }
    }
    for function in ["erase_events", "erase_action_logs"] {
        let anybody =
            format!("SELECT has_function_privilege('public', '{function}(bigint, bigint[], smallint[])', 'EXECUTE')::text");
        assert_eq!(guarded.prompt.strings(&anybody), ["false"]);
    }
    guarded.refused("DELETE FROM __diesel_schema_migrations");
    guarded.refused("INSERT INTO __diesel_schema_migrations VALUES ('99991231000000')");
}

/// Everything that the store does, as the role that has no more rights than it needs.
#[test]
fn the_application_role_is_all_that_the_program_needs() {
    let guarded = Guarded::new();
    let files = tempfile::tempdir().unwrap();
    let signing = Signing::new(files.path().join("signing.key"), files.path().join("checkpoints"));
    let store = Store::open(guarded.config().refuse_excess_privileges(true).signing(signing.clone())).unwrap();
    assert_eq!(store.excess_privileges().unwrap(), [""; 0]);
    append(&store, vec![event(r#"{"channel_id":9}"#), event("{}"), ActionLogs::entry("")]);
    assert_eq!(checked_logs(&store).len(), 3);
    let token = NewToken { name: "t".to_owned(), role: Role::Reader, channels: crate::common::only(1), expires_at: None };
    let (token, _) = store.create_token(token).unwrap();
    assert!(store.revoke_token(token.id, ChannelGrant::All).unwrap());
    let types = |model| vec![audit_store::domain::ContentType::new(7, "orders", model).unwrap()];
    store.put_content_types(types("order")).unwrap().unwrap();
    assert_eq!(store.put_content_types(types("line")).unwrap().unwrap().changed, 1);
    append(&store, (0..100).map(|_| event("{}")).collect());
    store.rebuild_index().unwrap();
    assert_eq!(guarded.prompt.strings("SELECT sum(size) FROM segments"), ["64"]);
    store.seal().unwrap();
    guarded.prompt.execute("DELETE FROM tiles WHERE stream = 1 AND channel_id = 1");
    assert!(store.rebuild_trees().unwrap() > 0);
    let entries = guarded.prompt.strings("SELECT sum(next_position) FROM logs");
    assert_eq!(guarded.prompt.strings("SELECT sum(size) FROM trees"), entries);
    assert!(store.database_bytes().unwrap() > 0);
    let erasure = NewErasure {
        stream: Stream::Events,
        of: ErasureOf::User("4711".to_owned()),
        slots: NewErasure::default_slots(Stream::Events),
        reason: "ticket 12".to_owned(),
    };
    append(&store, vec![event(r#"{"user":4711}"#)]);
    assert_eq!(store.erase(ChannelId::DEFAULT, &erasure, 0).unwrap()[0].1.entries(), 1);
    assert!(store.wait_for_erasures(ChannelId::DEFAULT, Stream::Events, std::time::Duration::from_secs(60)).unwrap());
    assert_eq!(guarded.prompt.strings("SELECT count(*) FROM events WHERE user_id = '4711' OR user_json = '4711'"), ["0"]);
    store.check().unwrap();
    store.sign().unwrap();
    store.rotate_key(&signing).unwrap();
    store.retire_key(&signing, 1).unwrap();
    store.close();
    let operator = Store::open(guarded.config()).unwrap();
    operator.begin_new_origin(&signing).unwrap();
    operator.seal().unwrap();
    assert_eq!(guarded.prompt.strings("SELECT DISTINCT log_name FROM trees"), ["2"]);
}

#[test]
fn a_role_that_could_change_entries_is_named_and_refused() {
    let guarded = Guarded::new();
    let owner = guarded.scratch.place.config();
    let privileges = guarded.scratch.store.excess_privileges().unwrap();
    assert!(privileges.iter().any(|privilege| privilege.ends_with("is a superuser")), "{privileges:?}");
    assert!(privileges.iter().any(|privilege| privilege.ends_with("owns the tables")), "{privileges:?}");
    let error = Store::open(owner.refuse_excess_privileges(true)).unwrap_err();
    assert!(matches!(&error, OpenError::ExcessPrivileges { what, .. } if what.contains("is a superuser")), "{error}");
    assert!(error.to_string().contains("docs/operations.md"), "{error}");

    for (grant, named) in [
        ("GRANT DELETE ON events TO", "may DELETE events"),
        ("GRANT TRUNCATE ON action_logs TO", "may TRUNCATE action_logs"),
        ("GRANT UPDATE (leaf_hash) ON events TO", "may UPDATE events.leaf_hash"),
        ("GRANT UPDATE (content) ON events TO", "may UPDATE events.content"),
        ("GRANT UPDATE (seals, trace) ON action_logs TO", "may UPDATE action_logs (2 columns)"),
        ("GRANT UPDATE ON action_logs TO", "may UPDATE action_logs (17 columns)"),
        ("GRANT UPDATE (stream) ON logs TO", "may UPDATE logs.stream"),
        ("GRANT DELETE ON trees TO", "may DELETE trees"),
        ("GRANT UPDATE (role) ON tokens TO", "may UPDATE tokens.role"),
        ("GRANT TRIGGER ON logs TO", "may TRIGGER logs"),
        ("GRANT REFERENCES ON events TO", "may REFERENCES events"),
    ] {
        let raw = guarded.scratch.raw();
        raw.execute(&format!("{grant} {APPLICATION}"));
        let error = Store::open(guarded.config().refuse_excess_privileges(true)).unwrap_err();
        assert!(matches!(&error, OpenError::ExcessPrivileges { what, .. } if what.contains(named)), "{grant}: {error}");
        assert!(Store::open(guarded.config()).is_ok(), "{grant}: elsewhere it is a warning");
        // Granting again takes away what is too much.
        assert!(guarded.scratch.place.config().grant(APPLICATION).unwrap());
        assert!(Store::open(guarded.config().refuse_excess_privileges(true)).is_ok(), "{grant}");
    }
}

/// What `migrate --grant-to` gave before the log was read-only to the role.
const OLD_GRANTS: [&str; 2] = [
    "GRANT UPDATE (seals, action, content_type, table_name, object_id, object_num, user_id, user_num, user_name, remote_addr, url, \
         subject_json, user_json, remote_addr_json, url_json, query_params, post_data, headers, content, description_json, extra) \
         ON events TO",
    "GRANT UPDATE (seals, level, logger_name, app_name, subject_json, message, trace, extra) ON action_logs TO",
];

#[test]
fn rights_of_an_older_version_are_taken_away() {
    let guarded = Guarded::new();
    let forge = "UPDATE events SET content = '\"forged\"', user_json = '{\"pk\":1}' WHERE position = 0";
    for grant in OLD_GRANTS {
        guarded.scratch.raw().execute(&format!("{grant} {APPLICATION}"));
    }
    guarded.allowed(forge);
    let error = Store::open(guarded.config().refuse_excess_privileges(true)).unwrap_err().to_string();
    let said = "may UPDATE action_logs (8 columns), may UPDATE events (21 columns): it could change or delete entries of the log";
    assert!(error.contains(said), "{error}");
    assert!(guarded.scratch.place.config().grant(APPLICATION).unwrap());
    guarded.refused(forge);
    assert_eq!(guarded.config().inspect().unwrap().excess_privileges, [""; 0]);
    assert!(Store::open(guarded.config().refuse_excess_privileges(true)).is_ok());
}

/// `docs/operations.md` lists these: the rights guard the entries that are there, and nothing else.
#[test]
fn what_the_application_role_can_still_do() {
    let guarded = Guarded::new();
    let store = Store::open(guarded.config()).unwrap();
    append(&store, vec![event(r#"{"object_id":1}"#)]);
    let forged = "INSERT INTO events (channel_id, position, uuid, timestamp, recorded_at, producer_id, seals, leaf_hash) \
                  VALUES (1, 900, decode(repeat('cd', 16), 'hex'), 0, 0, 77, '', decode(repeat('00', 32), 'hex'))";
    for sql in [
        forged,
        "UPDATE logs SET next_position = 0, recorded_at = 0",
        "DELETE FROM segments",
        "DELETE FROM segment_times",
        "DELETE FROM postings",
        "INSERT INTO postings (channel_id, stream, first, first_term, terms) VALUES (1, 1, 0, '', '')",
        "DELETE FROM tiles",
        "UPDATE trees SET size = 0",
        "DELETE FROM content_types",
        "UPDATE tokens SET revoked_at = 1",
        "UPDATE tokens SET revoked_at = NULL",
        "SELECT erase_events(1, '{0}', '{0}')",
        "INSERT INTO tokens (id, name, role, channels, key_digest, created_at) \
             VALUES (99, 'own', 'admin', '*', decode(repeat('00', 32), 'hex'), 0)",
    ] {
        guarded.allowed(sql);
    }
    // A head that is moved back hides a log from reads of several channels, and makes appends to it fail.
    let is_seen = || !store.channels(ChannelGrant::All).events().states().unwrap().is_empty();
    assert!(is_seen());
    guarded.prompt.execute("UPDATE logs SET next_position = 0");
    assert!(!is_seen());
    let refused = store.append(AppendRequest::new([event("{}")])).unwrap().wait();
    assert!(matches!(&refused, Err(AppendError::NotStored(NotStored::Database(_)))), "{refused:?}");
}

/// The owner migrates; the application finds what it needs, or says whose turn it is.
#[test]
fn the_application_role_does_not_migrate() {
    create_role(APPLICATION);
    let empty = TestDatabase::empty();
    let TestDatabase::Server(database) = &empty else { panic!("a server") };
    let config = StoreConfig::new(database.url_as(APPLICATION));
    let error = Store::open(&config).unwrap_err().to_string();
    assert!(error.contains("run `audit-server migrate` as the owner"), "{error}");
    // One that may make tables would own them, and could then change what is in them.
    empty.raw().execute(&format!("GRANT CREATE ON SCHEMA public TO {APPLICATION}"));
    let error = Store::open(config.clone().refuse_excess_privileges(true)).unwrap_err();
    assert!(matches!(&error, OpenError::OldSchema { .. }), "{error}");
    assert!(empty.raw().rows("SELECT 1 FROM pg_class WHERE relname = 'events'").is_empty());
    empty.raw().execute(&format!("REVOKE CREATE ON SCHEMA public FROM {APPLICATION}"));
    assert!(StoreConfig::new("sqlite://x.db").grant("a\"b").is_ok_and(|granted| !granted));
    let error = empty.config().grant(APPLICATION).unwrap_err().to_string();
    assert!(error.contains("does not exist"), "{error}");
}

/// Who is not the owner of the tables, and may become somebody who is above them.
#[test]
fn a_role_that_may_become_more_is_no_guard() {
    let guarded = Guarded::new();
    let (raw, name) = (guarded.scratch.raw(), database(&guarded.scratch).name().to_owned());
    let one = format!("audit_test_more_{}", std::process::id());
    let url = StoreConfig::new(database(&guarded.scratch).url_as(&one));
    let superuser = database(&guarded.scratch).role();
    raw.execute(&format!("CREATE ROLE {one} LOGIN NOINHERIT"));
    for (more, less, named) in [
        (format!("GRANT {superuser} TO {one}"), format!("REVOKE {superuser} FROM {one}"), "may become a superuser"),
        (format!("ALTER ROLE {one} CREATEROLE"), format!("ALTER ROLE {one} NOCREATEROLE"), "may make and grant roles"),
        (
            format!("ALTER DATABASE {name} OWNER TO {one}"),
            format!("ALTER DATABASE {name} OWNER TO {superuser}"),
            "owns the database or its schema",
        ),
        (
            format!("GRANT pg_write_server_files TO {one}"),
            format!("REVOKE pg_write_server_files FROM {one}"),
            "may write files of the server",
        ),
    ] {
        raw.execute(&more);
        // To grant says so too: it cannot take that away.
        let error = guarded.scratch.place.config().grant(&one).unwrap_err();
        assert!(matches!(&error, OpenError::ExcessPrivileges { what, .. } if what.contains(named)), "{more}: {error}");
        raw.execute(&less);
        assert!(guarded.scratch.place.config().grant(&one).unwrap());
        assert!(Store::open(url.clone().refuse_excess_privileges(true)).is_ok(), "{less}");
        raw.execute(&more);
        let error = Store::open(url.clone().refuse_excess_privileges(true)).unwrap_err();
        assert!(matches!(&error, OpenError::ExcessPrivileges { what, .. } if what.contains(named)), "{more}: {error}");
        raw.execute(&less);
    }
    // Rights of a role that it does not inherit and may become all the same.
    let other = format!("{one}_other");
    raw.execute(&format!("CREATE ROLE {other}; GRANT UPDATE (content), DELETE ON events TO {other}; GRANT {other} TO {one}"));
    let error = guarded.scratch.place.config().grant(&one).unwrap_err();
    assert!(
        matches!(&error, OpenError::ExcessPrivileges { what, .. } if what == "may DELETE events, may UPDATE events.content"),
        "{error}"
    );
    raw.execute(&format!("DROP OWNED BY {other}; DROP ROLE {other}"));
    raw.execute(&format!("DROP OWNED BY {one}; DROP ROLE {one}"));
}

/// A grant by somebody who may not grant is a warning to PostgreSQL, and an error here.
#[test]
fn granting_as_somebody_else_than_the_owner_is_an_error() {
    let guarded = Guarded::new();
    guarded
        .scratch
        .raw()
        .execute(&format!("GRANT DELETE ON events TO {APPLICATION}; REVOKE INSERT ON action_logs FROM {APPLICATION}"));
    let error = guarded.config().grant(APPLICATION).unwrap_err();
    assert!(matches!(&error, OpenError::ExcessPrivileges { what, .. } if what.contains("may DELETE events")), "{error}");
    assert_eq!(guarded.scratch.place.config().inspect().unwrap().missing_privileges, [""; 0]);
    assert_eq!(guarded.config().inspect().unwrap().missing_privileges, ["INSERT action_logs"]);
    guarded
        .scratch
        .raw()
        .execute(&format!("REVOKE DELETE ON events FROM {APPLICATION}; REVOKE DELETE ON segments FROM {APPLICATION}"));
    let error = guarded.config().grant(APPLICATION).unwrap_err().to_string();
    assert!(error.contains("still lacks DELETE segments, INSERT action_logs; grant as the owner of the tables"), "{error}");
}

/// After an upgrade that has a migration, it is the owner's turn.
#[test]
fn a_schema_that_lacks_a_step_is_for_the_owner() {
    let guarded = Guarded::new();
    guarded.scratch.raw().execute("DELETE FROM __diesel_schema_migrations WHERE version = '20261130000013'");
    let wanted = "lacks migration 2026-11-30-000013_keep_points_inline: run `audit-server migrate` as the owner of its tables";
    for refuse_excess_privileges in [false, true] {
        let error = Store::open(guarded.config().refuse_excess_privileges(refuse_excess_privileges)).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
}

/// A start and `/readyz` try what an append does, and take it back.
#[test]
fn a_role_that_cannot_write_is_refused_before_its_first_append() {
    let guarded = Guarded::new();
    let store = Store::open(guarded.config()).unwrap();
    store.refuse_read_only().unwrap();
    store.check().unwrap();
    let owner = guarded.scratch.raw();
    owner.execute(&format!("REVOKE INSERT ON segments FROM {APPLICATION}"));
    let store = Store::open(guarded.config()).unwrap();
    let error = store.refuse_read_only().unwrap_err();
    assert!(matches!(&error, OpenError::ReadOnly { why, .. } if why.contains("permission denied")), "{error}");
    assert!(store.check().is_err());
    assert!(guarded.config().inspect().unwrap().unwritable.unwrap().contains("permission denied"));
    assert_eq!(owner.strings("SELECT count(*)::text FROM segments WHERE channel_id = 0"), ["0"]);
}
