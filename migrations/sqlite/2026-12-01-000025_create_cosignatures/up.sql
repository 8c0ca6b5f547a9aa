-- The newest cosignature of each witness: for the name that the logs had, the size of the checkpoint of the
-- root log, the checkpoint without cosignatures, and the line of the witness. Instants are in microseconds.
CREATE TABLE cosignatures (
    channel_id BIGINT NOT NULL,
    witness TEXT NOT NULL,
    log_name BIGINT NOT NULL CHECK (log_name >= 1),
    size BIGINT NOT NULL CHECK (size >= 0),
    cosigned_at BIGINT NOT NULL,
    note TEXT NOT NULL,
    signature TEXT NOT NULL,
    PRIMARY KEY (channel_id, witness, log_name)
) WITHOUT ROWID;

CREATE TRIGGER cosignatures_only_grow BEFORE UPDATE ON cosignatures
WHEN NEW.channel_id IS NOT OLD.channel_id OR NEW.witness IS NOT OLD.witness OR NEW.log_name IS NOT OLD.log_name
    OR NEW.size < OLD.size
BEGIN
    SELECT RAISE(ABORT, 'cosignatures: a cosignature is only replaced by that of a larger tree');
END;
