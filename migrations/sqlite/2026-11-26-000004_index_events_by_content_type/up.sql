CREATE INDEX events_by_content_type ON events (channel_id, content_type, timestamp, position) WHERE content_type IS NOT NULL;

-- As for `events`: a fixed figure, so that every database goes by the same plans; and has this connection read it.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('events', 'events_by_content_type', '1000000 100000 10000 2 1');
ANALYZE sqlite_schema;
