-- The erasures of each log: one row for each entry `AUDIT.ERASE`, inserted with it. A server that
-- ends in the middle of one continues from `erased_to`.
CREATE TABLE erasures (
    channel_id BIGINT NOT NULL,
    stream SMALLINT NOT NULL,
    -- The position of the entry, which names the positions and slots.
    position BIGINT NOT NULL,
    -- The first and the last position, and the number of entries, that it names.
    first BIGINT NOT NULL CHECK (first >= 0),
    last BIGINT NOT NULL CHECK (last >= first AND last < position),
    entries BIGINT NOT NULL CHECK (entries >= 1 AND entries <= last - first + 1),
    -- Of the entries with a smaller position, the values are erased.
    erased_to BIGINT NOT NULL CHECK (erased_to >= first AND erased_to <= last + 1),
    -- The time from which the values are in none of the files of the database (microseconds).
    finished_at BIGINT CHECK (finished_at IS NULL OR erased_to = last + 1),
    PRIMARY KEY (channel_id, stream, position)
) WITHOUT ROWID;

CREATE TRIGGER erasures_only_advance BEFORE UPDATE ON erasures
WHEN NEW.channel_id IS NOT OLD.channel_id OR NEW.stream IS NOT OLD.stream OR NEW.position IS NOT OLD.position
    OR NEW.first IS NOT OLD.first OR NEW.last IS NOT OLD.last OR NEW.entries IS NOT OLD.entries
    OR NEW.erased_to < OLD.erased_to OR (OLD.finished_at IS NOT NULL AND NEW.finished_at IS NOT OLD.finished_at)
BEGIN
    SELECT RAISE(ABORT, 'erasures: an erasure only advances');
END;

CREATE TRIGGER erasures_keep_rows BEFORE DELETE ON erasures
BEGIN
    SELECT RAISE(ABORT, 'erasures: an erasure is never deleted');
END;

CREATE TRIGGER erasures_refuse_replace BEFORE INSERT ON erasures
WHEN EXISTS (
    SELECT 1 FROM erasures WHERE channel_id = NEW.channel_id AND stream = NEW.stream AND position = NEW.position
)
BEGIN
    SELECT RAISE(ABORT, 'erasures: an erasure is never replaced');
END;
