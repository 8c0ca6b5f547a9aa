-- The entries of the root log: a checkpoint of a log of a channel for each row. The root log is that of
-- the reserved channel -1 and the stream 3. The data of an entry is `body`, the text of the checkpoint
-- (origin, size, root); `signatures` are the lines below it. Instants are in microseconds.
CREATE TABLE root_entries (
    channel_id BIGINT NOT NULL,
    position BIGINT NOT NULL CHECK (position >= 0),
    log_channel_id BIGINT NOT NULL,
    log_stream SMALLINT NOT NULL,
    log_name BIGINT NOT NULL CHECK (log_name >= 1),
    size BIGINT NOT NULL CHECK (size >= 0),
    recorded_at BIGINT NOT NULL,
    body TEXT NOT NULL,
    signatures TEXT NOT NULL,
    PRIMARY KEY (channel_id, position),
    UNIQUE (channel_id, log_channel_id, log_stream, log_name, size)
) WITHOUT ROWID;

CREATE TRIGGER root_entries_keep_rows BEFORE DELETE ON root_entries
BEGIN
    SELECT RAISE(ABORT, 'root_entries: the log is append-only');
END;

CREATE TRIGGER root_entries_stay BEFORE UPDATE ON root_entries
BEGIN
    SELECT RAISE(ABORT, 'root_entries: the log is append-only');
END;

CREATE TRIGGER root_entries_refuse_replace BEFORE INSERT ON root_entries
WHEN EXISTS (SELECT 1 FROM root_entries WHERE channel_id = NEW.channel_id AND position = NEW.position)
    OR EXISTS (
        SELECT 1 FROM root_entries
        WHERE channel_id = NEW.channel_id AND log_channel_id = NEW.log_channel_id AND log_stream = NEW.log_stream
            AND log_name = NEW.log_name AND size = NEW.size
    )
BEGIN
    SELECT RAISE(ABORT, 'root_entries: position or checkpoint is taken');
END;

-- As for the entries of channels: a head that is ahead of the entries would leave a gap.
CREATE TRIGGER logs_follow_root_entries BEFORE UPDATE ON logs
WHEN NEW.stream = 3 AND NEW.next_position > OLD.next_position
    AND NEW.next_position IS NOT (SELECT max(position) + 1 FROM root_entries WHERE channel_id = NEW.channel_id)
BEGIN
    SELECT RAISE(ABORT, 'logs: a head follows its entries');
END;
