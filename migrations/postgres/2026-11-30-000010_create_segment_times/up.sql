-- The times and positions of the entries of a segment, in the order of time, some hundred a row.
CREATE TABLE segment_times (
    channel_id BIGINT NOT NULL,
    stream SMALLINT NOT NULL,
    first BIGINT NOT NULL,
    block SMALLINT NOT NULL,
    points BYTEA NOT NULL,
    PRIMARY KEY (channel_id, stream, first, block)
);
