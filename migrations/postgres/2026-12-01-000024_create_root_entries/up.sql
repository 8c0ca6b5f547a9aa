-- The entries of the root log: a checkpoint of a log of a channel for each row. The root log is that of
-- the reserved channel -1 and the stream 3. The data of an entry is `body`, the text of the checkpoint
-- (origin, size, root); `signatures` are the lines below it. Instants are in microseconds.
CREATE TABLE root_entries (
    channel_id BIGINT NOT NULL,
    position BIGINT NOT NULL CHECK (position >= 0),
    log_channel_id BIGINT NOT NULL,
    log_stream SMALLINT NOT NULL,
    log_name BIGINT NOT NULL CHECK (log_name >= 1),
    size BIGINT NOT NULL CHECK (size >= 0),
    recorded_at BIGINT NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    signatures TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (channel_id, position),
    UNIQUE (channel_id, log_channel_id, log_stream, log_name, size)
);
