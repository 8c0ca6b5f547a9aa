CREATE INDEX events_by_object_id ON events (channel_id, object_id, timestamp, position) WHERE object_id IS NOT NULL;

-- As for `events`: a fixed figure, so that every database goes by the same plans; and has this connection read it.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('events', 'events_by_object_id', '1000000 100000 20 2 1');
ANALYZE sqlite_schema;
