-- The newest signed checkpoint of each log, for each name that the log had (`log_names`): a C2SP note.
CREATE TABLE checkpoints (
    channel_id BIGINT NOT NULL,
    stream SMALLINT NOT NULL,
    log_name BIGINT NOT NULL CHECK (log_name >= 1),
    size BIGINT NOT NULL CHECK (size >= 0),
    note TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (channel_id, stream, log_name)
);
