-- The newest cosignature of each witness: for the name that the logs had, the size of the checkpoint of the
-- root log, the checkpoint without cosignatures, and the line of the witness. Instants are in microseconds.
CREATE TABLE cosignatures (
    channel_id BIGINT NOT NULL,
    witness TEXT COLLATE "C" NOT NULL,
    log_name BIGINT NOT NULL CHECK (log_name >= 1),
    size BIGINT NOT NULL CHECK (size >= 0),
    cosigned_at BIGINT NOT NULL,
    note TEXT COLLATE "C" NOT NULL,
    signature TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (channel_id, witness, log_name)
);
