-- The public keys (Ed25519) that sign the checkpoints of all logs. The private keys are in files of the
-- servers. A key that is retired signs no more; what it signed stays. Instants are in microseconds.
CREATE TABLE signing_keys (
    number BIGINT NOT NULL PRIMARY KEY CHECK (number >= 1),
    public_key BYTEA NOT NULL UNIQUE CHECK (octet_length(public_key) = 32),
    created_at BIGINT NOT NULL,
    retired_at BIGINT
);
