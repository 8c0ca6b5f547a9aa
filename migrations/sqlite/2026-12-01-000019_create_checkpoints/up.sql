-- The newest signed checkpoint of each log, for each name that the log had (`log_names`): a C2SP note.
CREATE TABLE checkpoints (
    channel_id BIGINT NOT NULL,
    stream SMALLINT NOT NULL,
    log_name BIGINT NOT NULL CHECK (log_name >= 1),
    size BIGINT NOT NULL CHECK (size >= 0),
    note TEXT NOT NULL,
    PRIMARY KEY (channel_id, stream, log_name)
) WITHOUT ROWID;

CREATE TRIGGER checkpoints_only_grow BEFORE UPDATE ON checkpoints
WHEN NEW.channel_id IS NOT OLD.channel_id OR NEW.stream IS NOT OLD.stream OR NEW.log_name IS NOT OLD.log_name
    OR NEW.size < OLD.size
BEGIN
    SELECT RAISE(ABORT, 'checkpoints: a checkpoint only grows');
END;

CREATE TRIGGER checkpoints_keep_rows BEFORE DELETE ON checkpoints
BEGIN
    SELECT RAISE(ABORT, 'checkpoints: a checkpoint is never deleted');
END;

CREATE TRIGGER checkpoints_refuse_replace BEFORE INSERT ON checkpoints
WHEN EXISTS (
    SELECT 1 FROM checkpoints
    WHERE channel_id = NEW.channel_id AND stream = NEW.stream AND log_name = NEW.log_name
)
BEGIN
    SELECT RAISE(ABORT, 'checkpoints: a checkpoint is never replaced');
END;
