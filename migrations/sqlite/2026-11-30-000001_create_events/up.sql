-- One event a row. The order of columns matters: SQLite follows a chain of overflow pages to reach
-- a column after a large value. So the small columns that filters, sorts and the log need come
-- first, and the slots (JSON as received) come last.
CREATE TABLE events (
    channel_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    uuid BLOB NOT NULL CHECK (length(uuid) = 16),
    timestamp BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    producer_id BIGINT NOT NULL,
    content_type BIGINT,
    object_num BIGINT,
    user_num BIGINT,
    action TEXT,
    table_name TEXT,
    object_id TEXT,
    user_id TEXT,
    user_name TEXT,
    user_email TEXT,
    remote_addr TEXT,
    url TEXT,
    outcome TEXT,
    correlation_id TEXT,
    source TEXT,
    impersonator_id TEXT,
    seals BLOB NOT NULL,
    leaf_hash BLOB NOT NULL CHECK (length(leaf_hash) = 32),
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
);

-- The selectivity of each index, for the planner: the number of rows in all, then of rows for each
-- prefix of its columns. These are typical figures. They are fixed here instead of measured by
-- ANALYZE, so that every database has the same plans. Without figures, SQLite considers all indexes
-- equally good, and may read a whole channel from an index that only begins with it.
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('events', 'sqlite_autoindex_events_1', '1000000 100000 1'),
    ('events', 'sqlite_autoindex_events_2', '1000000 100000 1');

-- The guard. It keeps honest programs and tired people from changing the log. The tree and its
-- checkpoints are against a person who has the file and time.
CREATE TRIGGER events_keep_rows BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'events: the log is append-only');
END;

-- Erasure is the only allowed change. It sets slots to NULL together with their filter columns, and
-- replaces the salt of each slot in `seals` (16 bytes) by its commitment (32 bytes). The trigger
-- checks all columns except `seals`, and checks that `seals` is a blob that grows by 16 bytes for
-- each erased slot. It does not check the contents of `seals`: SQL cannot distinguish the salts of
-- the other slots, which must not change, from a commitment, and cannot compute a commitment. The
-- evidence shows such a change: with any other salt, kind or commitment, the leaf does not match
-- `leaf_hash`, which no update changes.
CREATE TRIGGER events_only_erase BEFORE UPDATE ON events
WHEN NOT (
    NEW.rowid IS OLD.rowid AND NEW.channel_id IS OLD.channel_id AND NEW.position IS OLD.position AND NEW.uuid IS OLD.uuid
    AND NEW.timestamp IS OLD.timestamp AND NEW.recorded_at IS OLD.recorded_at AND NEW.producer_id IS OLD.producer_id
    AND NEW.leaf_hash IS OLD.leaf_hash
    AND (
        (NEW.subject_json IS OLD.subject_json AND NEW.action IS OLD.action AND NEW.content_type IS OLD.content_type
            AND NEW.table_name IS OLD.table_name AND NEW.object_id IS OLD.object_id AND NEW.object_num IS OLD.object_num
            AND NEW.outcome IS OLD.outcome AND NEW.correlation_id IS OLD.correlation_id AND NEW.source IS OLD.source)
        OR COALESCE(NEW.subject_json, NEW.action, NEW.content_type, NEW.table_name, NEW.object_id, NEW.object_num, NEW.outcome,
            NEW.correlation_id, NEW.source) IS NULL
    )
    AND (
        (NEW.user_json IS OLD.user_json AND NEW.user_id IS OLD.user_id AND NEW.user_num IS OLD.user_num
            AND NEW.user_name IS OLD.user_name AND NEW.user_email IS OLD.user_email)
        OR COALESCE(NEW.user_json, NEW.user_id, NEW.user_num, NEW.user_name, NEW.user_email) IS NULL
    )
    AND (
        (NEW.remote_addr_json IS OLD.remote_addr_json AND NEW.remote_addr IS OLD.remote_addr)
        OR COALESCE(NEW.remote_addr_json, NEW.remote_addr) IS NULL
    )
    AND ((NEW.url_json IS OLD.url_json AND NEW.url IS OLD.url) OR COALESCE(NEW.url_json, NEW.url) IS NULL)
    AND (NEW.query_params IS OLD.query_params OR NEW.query_params IS NULL)
    AND (NEW.post_data IS OLD.post_data OR NEW.post_data IS NULL)
    AND (NEW.headers IS OLD.headers OR NEW.headers IS NULL)
    AND (NEW.content IS OLD.content OR NEW.content IS NULL)
    AND (NEW.description_json IS OLD.description_json OR NEW.description_json IS NULL)
    AND (NEW.extra IS OLD.extra OR NEW.extra IS NULL)
    AND (
        (NEW.impersonator_json IS OLD.impersonator_json AND NEW.impersonator_id IS OLD.impersonator_id)
        OR COALESCE(NEW.impersonator_json, NEW.impersonator_id) IS NULL
    )
    AND (NEW.masked IS OLD.masked OR NEW.masked IS NULL)
    AND typeof(NEW.seals) = 'blob' AND length(NEW.seals) > length(OLD.seals)
    AND length(NEW.seals) - length(OLD.seals) = 16 * (
        (NEW.subject_json IS NOT OLD.subject_json) + (NEW.user_json IS NOT OLD.user_json)
        + (NEW.remote_addr_json IS NOT OLD.remote_addr_json) + (NEW.url_json IS NOT OLD.url_json)
        + (NEW.query_params IS NOT OLD.query_params) + (NEW.post_data IS NOT OLD.post_data)
        + (NEW.headers IS NOT OLD.headers) + (NEW.content IS NOT OLD.content)
        + (NEW.description_json IS NOT OLD.description_json) + (NEW.extra IS NOT OLD.extra)
        + (NEW.impersonator_json IS NOT OLD.impersonator_json) + (NEW.masked IS NOT OLD.masked)
    )
)
BEGIN
    SELECT RAISE(ABORT, 'events: the log is append-only');
END;

-- INSERT OR REPLACE deletes without firing a DELETE trigger (unless recursive_triggers is on), by
-- rowid as well. If the insert gives no rowid, NEW.rowid is -1 here. Without `> 0`, a row that a
-- person put there would block every append.
CREATE TRIGGER events_refuse_replace BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE channel_id = NEW.channel_id AND uuid = NEW.uuid)
    OR EXISTS (SELECT 1 FROM events WHERE channel_id = NEW.channel_id AND position = NEW.position)
    OR (NEW.rowid > 0 AND EXISTS (SELECT 1 FROM events WHERE rowid = NEW.rowid))
BEGIN
    SELECT RAISE(ABORT, 'events: position or uuid is taken');
END;

-- A head that is ahead of the entries would leave a gap. The writer inserts the rows of a batch and
-- then moves the head, so this check costs one seek a batch.
CREATE TRIGGER logs_follow_events BEFORE UPDATE ON logs
WHEN NEW.stream = 1 AND NEW.next_position > OLD.next_position
    AND NEW.next_position IS NOT (SELECT max(position) + 1 FROM events WHERE channel_id = NEW.channel_id)
BEGIN
    SELECT RAISE(ABORT, 'logs: a head follows its events');
END;
