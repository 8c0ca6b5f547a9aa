-- The values of a segment and the entries that have each: some hundred values a row, in their
-- order, from `first_term` on.
CREATE TABLE postings (
    channel_id BIGINT NOT NULL,
    stream SMALLINT NOT NULL,
    first BIGINT NOT NULL,
    first_term BLOB NOT NULL,
    terms BLOB NOT NULL,
    PRIMARY KEY (channel_id, stream, first, first_term)
);

-- As for `events`: a fixed figure for the planner.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('postings', 'sqlite_autoindex_postings_1', '10000000 10000 10000 300 1');
ANALYZE sqlite_schema;
