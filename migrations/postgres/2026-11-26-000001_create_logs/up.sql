-- The head of each log: the row that every append to it locks. `recorded_at` is the last one given out, in microseconds.
-- No trigger keeps it from being moved back: the application's role may only move it, and the unique positions of the entries
-- refuse whatever was given out before.
CREATE TABLE logs (
    channel_id BIGINT NOT NULL,
    stream SMALLINT NOT NULL,
    next_position BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (channel_id, stream)
);
