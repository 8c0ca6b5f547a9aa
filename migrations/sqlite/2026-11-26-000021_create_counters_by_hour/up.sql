-- The counters of each hour; apart, so that the sums of a dimension lie together.
CREATE TABLE counters_by_hour (
    channel_id BIGINT NOT NULL,
    stream SMALLINT NOT NULL,
    dimension SMALLINT NOT NULL,
    key TEXT NOT NULL,
    hour BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (channel_id, stream, dimension, key, hour)
) WITHOUT ROWID;

-- As for `events`: a fixed figure for the planner.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('counters_by_hour', 'counters_by_hour', '10000000 1000000 500000 100000 1000 1');
ANALYZE sqlite_schema;
