-- The times and positions of the entries of a segment, in the order of time, some hundred a row.
CREATE TABLE segment_times (
    channel_id BIGINT NOT NULL,
    stream SMALLINT NOT NULL,
    first BIGINT NOT NULL,
    block SMALLINT NOT NULL,
    points BLOB NOT NULL,
    PRIMARY KEY (channel_id, stream, first, block)
);

-- As for `events`: a fixed figure for the planner.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('segment_times', 'sqlite_autoindex_segment_times_1', '1000000 1000 1000 50 1');
ANALYZE sqlite_schema;
