-- Exact counts, moved in the transaction of each append: how many entries of a log have a value (`key`, the form of the filter
-- column) in a dimension, for all time and by the hour in which they happened (its start, in microseconds). The numbers of
-- dimensions are those of `audit-store/src/counters/dimension.rs`. A projection of the log: `audit-server rebuild` makes it anew,
-- so there is no guard.
CREATE TABLE counters (
    channel_id BIGINT NOT NULL,
    stream SMALLINT NOT NULL,
    dimension SMALLINT NOT NULL,
    key TEXT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (channel_id, stream, dimension, key)
) WITHOUT ROWID;

-- As for `events`: a fixed figure for the planner.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('counters', 'counters', '100000 10000 5000 1000 1');
ANALYZE sqlite_schema;
