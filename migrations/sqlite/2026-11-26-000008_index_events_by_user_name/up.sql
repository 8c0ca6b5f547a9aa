CREATE INDEX events_by_user_name ON events (channel_id, user_name, timestamp, position) WHERE user_name IS NOT NULL;

-- As for `events`: a fixed figure, so that every database goes by the same plans; and has this connection read it.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('events', 'events_by_user_name', '1000000 100000 500 2 1');
ANALYZE sqlite_schema;
