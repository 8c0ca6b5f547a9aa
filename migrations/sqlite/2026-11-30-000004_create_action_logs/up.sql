-- One record of an application's logger a row. The order of columns and the guards are the same as
-- for `events`, where comments explain them. The id of the published API is position + 1.
CREATE TABLE action_logs (
    channel_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    uuid BLOB NOT NULL CHECK (length(uuid) = 16),
    created_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    producer_id BIGINT NOT NULL,
    level BIGINT,
    logger_name TEXT,
    app_name TEXT,
    correlation_id TEXT,
    seals BLOB NOT NULL,
    leaf_hash BLOB NOT NULL CHECK (length(leaf_hash) = 32),
    subject_json TEXT,
    message TEXT,
    trace TEXT,
    extra TEXT,
    masked TEXT,
    PRIMARY KEY (channel_id, position),
    UNIQUE (channel_id, uuid)
);

-- As for `events`: fixed figures, so that every database has the same plans.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('action_logs', 'sqlite_autoindex_action_logs_1', '1000000 100000 1'),
    ('action_logs', 'sqlite_autoindex_action_logs_2', '1000000 100000 1');

CREATE TRIGGER action_logs_keep_rows BEFORE DELETE ON action_logs
BEGIN
    SELECT RAISE(ABORT, 'action_logs: the log is append-only');
END;

CREATE TRIGGER action_logs_only_erase BEFORE UPDATE ON action_logs
WHEN NOT (
    NEW.rowid IS OLD.rowid AND NEW.channel_id IS OLD.channel_id AND NEW.position IS OLD.position AND NEW.uuid IS OLD.uuid
    AND NEW.created_at IS OLD.created_at AND NEW.recorded_at IS OLD.recorded_at AND NEW.producer_id IS OLD.producer_id
    AND NEW.leaf_hash IS OLD.leaf_hash
    AND (
        (NEW.subject_json IS OLD.subject_json AND NEW.level IS OLD.level AND NEW.logger_name IS OLD.logger_name
            AND NEW.app_name IS OLD.app_name AND NEW.correlation_id IS OLD.correlation_id)
        OR COALESCE(NEW.subject_json, NEW.level, NEW.logger_name, NEW.app_name, NEW.correlation_id) IS NULL
    )
    AND (NEW.message IS OLD.message OR NEW.message IS NULL)
    AND (NEW.trace IS OLD.trace OR NEW.trace IS NULL)
    AND (NEW.extra IS OLD.extra OR NEW.extra IS NULL)
    AND (NEW.masked IS OLD.masked OR NEW.masked IS NULL)
    AND typeof(NEW.seals) = 'blob' AND length(NEW.seals) > length(OLD.seals)
    AND length(NEW.seals) - length(OLD.seals) = 16 * (
        (NEW.subject_json IS NOT OLD.subject_json) + (NEW.message IS NOT OLD.message)
        + (NEW.trace IS NOT OLD.trace) + (NEW.extra IS NOT OLD.extra) + (NEW.masked IS NOT OLD.masked)
    )
)
BEGIN
    SELECT RAISE(ABORT, 'action_logs: the log is append-only');
END;

CREATE TRIGGER action_logs_refuse_replace BEFORE INSERT ON action_logs
WHEN EXISTS (SELECT 1 FROM action_logs WHERE channel_id = NEW.channel_id AND uuid = NEW.uuid)
    OR EXISTS (SELECT 1 FROM action_logs WHERE channel_id = NEW.channel_id AND position = NEW.position)
    OR (NEW.rowid > 0 AND EXISTS (SELECT 1 FROM action_logs WHERE rowid = NEW.rowid))
BEGIN
    SELECT RAISE(ABORT, 'action_logs: position or uuid is taken');
END;

CREATE TRIGGER logs_follow_action_logs BEFORE UPDATE ON logs
WHEN NEW.stream = 2 AND NEW.next_position > OLD.next_position
    AND NEW.next_position IS NOT (SELECT max(position) + 1 FROM action_logs WHERE channel_id = NEW.channel_id)
BEGIN
    SELECT RAISE(ABORT, 'logs: a head follows its entries');
END;
