-- The table stores only the SHA-256 of a key. Tokens are revoked and never deleted, because
-- `producer_id` in the log names them permanently. `channels` is '*' or a list such as '1,2,3'.
-- Instants are in microseconds.
CREATE TABLE tokens (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'writer', 'reader')),
    channels TEXT NOT NULL,
    key_digest BLOB NOT NULL UNIQUE CHECK (length(key_digest) = 32),
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);

CREATE TRIGGER tokens_keep_rows BEFORE DELETE ON tokens
BEGIN
    SELECT RAISE(ABORT, 'tokens: revoke instead of deleting');
END;

-- If a key got another role, channel or holder, the meaning of `producer_id` in old entries would
-- change.
CREATE TRIGGER tokens_only_revoke BEFORE UPDATE ON tokens
WHEN NOT (
    NEW.rowid IS OLD.rowid AND NEW.id IS OLD.id AND NEW.name IS OLD.name AND NEW.role IS OLD.role
    AND NEW.channels IS OLD.channels AND NEW.key_digest IS OLD.key_digest AND NEW.created_at IS OLD.created_at
    AND NEW.expires_at IS OLD.expires_at AND OLD.revoked_at IS NULL
)
BEGIN
    SELECT RAISE(ABORT, 'tokens: a token is only ever revoked');
END;

-- The rowid is as for `events`: -1 if the insert gives none.
CREATE TRIGGER tokens_refuse_replace BEFORE INSERT ON tokens
WHEN EXISTS (SELECT 1 FROM tokens WHERE id = NEW.id)
    OR EXISTS (SELECT 1 FROM tokens WHERE key_digest = NEW.key_digest)
    OR (NEW.rowid > 0 AND EXISTS (SELECT 1 FROM tokens WHERE rowid = NEW.rowid))
BEGIN
    SELECT RAISE(ABORT, 'tokens: id or key is taken');
END;
