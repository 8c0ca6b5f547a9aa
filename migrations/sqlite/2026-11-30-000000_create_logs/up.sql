-- The head of each log: the row that every append to the log locks. `recorded_at` is the time of
-- the last entry, in microseconds.
CREATE TABLE logs (
    channel_id BIGINT NOT NULL,
    stream SMALLINT NOT NULL,
    next_position BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (channel_id, stream)
) WITHOUT ROWID;

-- A head that goes back would give a position to two entries.
CREATE TRIGGER logs_only_advance BEFORE UPDATE ON logs
WHEN NEW.channel_id IS NOT OLD.channel_id OR NEW.stream IS NOT OLD.stream
    OR NEW.next_position < OLD.next_position OR NEW.recorded_at < OLD.recorded_at
BEGIN
    SELECT RAISE(ABORT, 'logs: a head only advances');
END;

-- A head that starts at another position would leave a gap before the first entry.
CREATE TRIGGER logs_start_at_zero BEFORE INSERT ON logs
WHEN NEW.next_position IS NOT 0
BEGIN
    SELECT RAISE(ABORT, 'logs: a head starts at 0');
END;

CREATE TRIGGER logs_keep_rows BEFORE DELETE ON logs
BEGIN
    SELECT RAISE(ABORT, 'logs: a head is never deleted');
END;

CREATE TRIGGER logs_refuse_replace BEFORE INSERT ON logs
WHEN EXISTS (SELECT 1 FROM logs WHERE channel_id = NEW.channel_id AND stream = NEW.stream)
BEGIN
    SELECT RAISE(ABORT, 'logs: a head is never replaced');
END;
