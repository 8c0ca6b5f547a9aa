CREATE INDEX events_by_timestamp ON events (channel_id, timestamp, position);

-- As for `events`: a fixed figure, so that every database has the same plans. The last statement
-- makes this connection read it.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('events', 'events_by_timestamp', '1000000 100000 2 1');
ANALYZE sqlite_schema;
