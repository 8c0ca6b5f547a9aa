-- One record of an application's logger a row. The order of columns and the guards are the same as
-- for `events`, where comments explain them. The id of the published API is position + 1.
CREATE TABLE action_logs (
    channel_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    uuid BYTEA NOT NULL CHECK (octet_length(uuid) = 16),
    created_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    producer_id BIGINT NOT NULL,
    level BIGINT,
    logger_name TEXT COLLATE "C",
    app_name TEXT COLLATE "C",
    correlation_id TEXT COLLATE "C",
    seals BYTEA NOT NULL,
    leaf_hash BYTEA NOT NULL CHECK (octet_length(leaf_hash) = 32),
    subject_json TEXT,
    message TEXT,
    trace TEXT,
    extra TEXT,
    masked TEXT,
    PRIMARY KEY (channel_id, position),
    UNIQUE (channel_id, uuid)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
