-- The table stores only the SHA-256 of a key. Tokens are revoked and never deleted, because
-- `producer_id` in the log names them permanently. `channels` is '*' or a list such as '1,2,3'.
-- Instants are in microseconds.
CREATE TABLE tokens (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL CHECK (role IN ('admin', 'writer', 'reader')),
    channels TEXT COLLATE "C" NOT NULL,
    key_digest BYTEA NOT NULL UNIQUE CHECK (octet_length(key_digest) = 32),
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);
