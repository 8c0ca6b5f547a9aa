-- The public keys (Ed25519) that sign the checkpoints of all logs. The private keys are in files of the
-- servers. A key that is retired signs no more; what it signed stays. Instants are in microseconds.
CREATE TABLE signing_keys (
    number BIGINT NOT NULL PRIMARY KEY CHECK (number >= 1),
    public_key BLOB NOT NULL UNIQUE CHECK (length(public_key) = 32),
    created_at BIGINT NOT NULL,
    retired_at BIGINT
);

CREATE TRIGGER signing_keys_keep_rows BEFORE DELETE ON signing_keys
BEGIN
    SELECT RAISE(ABORT, 'signing_keys: retire a key instead of deleting it');
END;

CREATE TRIGGER signing_keys_only_retire BEFORE UPDATE ON signing_keys
WHEN NOT (
    NEW.rowid IS OLD.rowid AND NEW.number IS OLD.number AND NEW.public_key IS OLD.public_key
    AND NEW.created_at IS OLD.created_at AND OLD.retired_at IS NULL
)
BEGIN
    SELECT RAISE(ABORT, 'signing_keys: a key is only ever retired');
END;

-- The rowid is as for `events`: -1 if the insert gives none.
CREATE TRIGGER signing_keys_refuse_replace BEFORE INSERT ON signing_keys
WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM signing_keys)
    OR EXISTS (SELECT 1 FROM signing_keys WHERE public_key = NEW.public_key)
    OR (NEW.rowid > 0 AND EXISTS (SELECT 1 FROM signing_keys WHERE rowid = NEW.rowid))
BEGIN
    SELECT RAISE(ABORT, 'signing_keys: number or key is taken');
END;
