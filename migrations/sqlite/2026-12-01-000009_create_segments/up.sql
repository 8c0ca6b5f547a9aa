-- The segments of the index of a log: neighbouring entries, from the position `first` on, numbered
-- by their rank in the order of time. `fences` has the first entry of each block of
-- `segment_times`, `days` the first rank of each day. `words` says whether words are indexed: 0
-- none, 1 of some entries, 2 of all. `digest` is a hash of the terms: an erasure changes them, and
-- what a server remembers of the segment with another digest is not true any more. The program rebuilds missing parts of the index from the log,
-- so there is no guard. `audit-store/src/postings/` explains the bytes.
CREATE TABLE segments (
    channel_id BIGINT NOT NULL,
    stream SMALLINT NOT NULL,
    first BIGINT NOT NULL,
    size BIGINT NOT NULL,
    first_time BIGINT NOT NULL,
    last_time BIGINT NOT NULL,
    fences BLOB NOT NULL,
    days BLOB NOT NULL,
    words SMALLINT NOT NULL,
    digest BIGINT NOT NULL,
    PRIMARY KEY (channel_id, stream, first)
) WITHOUT ROWID;

-- As for `events`: a fixed figure for the planner.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('segments', 'segments', '100000 100 100 1');
ANALYZE sqlite_schema;
