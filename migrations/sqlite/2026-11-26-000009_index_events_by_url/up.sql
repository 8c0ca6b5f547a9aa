CREATE INDEX events_by_url ON events (channel_id, url, timestamp, position) WHERE url IS NOT NULL;

-- As for `events`: a fixed figure, so that every database goes by the same plans; and has this connection read it.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('events', 'events_by_url', '1000000 100000 100 2 1');
ANALYZE sqlite_schema;
