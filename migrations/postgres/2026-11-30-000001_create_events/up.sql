-- One event a row. The order of columns is that of SQLite, where it matters. Texts that are looked
-- up compare by their bytes (COLLATE "C"), as in SQLite and in the program.
--
-- The guards are privileges: the table belongs to a role that migrates. The program runs as another
-- role that can SELECT and INSERT, and has no UPDATE and no DELETE (audit-server migrate
-- --grant-to).
--
-- Rows are only ever added. Vacuum and analyze run after every fiftieth of the table instead of
-- every fifth and tenth. So the planner has current statistics of a log that grows, and queries
-- that need only an index do not read the table.
CREATE TABLE events (
    channel_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    uuid BYTEA NOT NULL CHECK (octet_length(uuid) = 16),
    timestamp BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    producer_id BIGINT NOT NULL,
    content_type BIGINT,
    object_num BIGINT,
    user_num BIGINT,
    action TEXT COLLATE "C",
    table_name TEXT COLLATE "C",
    object_id TEXT COLLATE "C",
    user_id TEXT COLLATE "C",
    user_name TEXT COLLATE "C",
    user_email TEXT COLLATE "C",
    remote_addr TEXT COLLATE "C",
    url TEXT COLLATE "C",
    outcome TEXT COLLATE "C",
    correlation_id TEXT COLLATE "C",
    source TEXT COLLATE "C",
    impersonator_id TEXT COLLATE "C",
    seals BYTEA NOT NULL,
    leaf_hash BYTEA NOT NULL CHECK (octet_length(leaf_hash) = 32),
    subject_json TEXT,
    user_json TEXT,
    remote_addr_json TEXT,
    url_json TEXT,
    query_params TEXT,
    post_data TEXT,
    headers TEXT,
    content TEXT,
    description_json TEXT,
    extra TEXT,
    impersonator_json TEXT,
    masked TEXT,
    PRIMARY KEY (channel_id, position),
    UNIQUE (channel_id, uuid)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
