CREATE INDEX action_logs_by_created_at ON action_logs (channel_id, created_at, position);

-- As for `events`: a fixed figure, so that every database has the same plans. The last statement
-- makes this connection read it.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('action_logs', 'action_logs_by_created_at', '1000000 100000 2 1');
ANALYZE sqlite_schema;
