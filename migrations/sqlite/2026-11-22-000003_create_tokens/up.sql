-- Keys are stored as their SHA-256 only. Tokens are revoked, never deleted: `producer_id` in the log names them for good.
-- `channels` is '*' or a list such as '1,2,3'; instants are microseconds.
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
