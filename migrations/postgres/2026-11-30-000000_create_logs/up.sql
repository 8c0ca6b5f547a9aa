-- The head of each log: the row that every append to the log locks. `recorded_at` is the time of
-- the last entry, in microseconds. No trigger keeps a head from going back: the application's role
-- may only move it, and the unique positions of the entries refuse a position that was used before.
CREATE TABLE logs (
    channel_id BIGINT NOT NULL,
    stream SMALLINT NOT NULL,
    next_position BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (channel_id, stream)
);
