CREATE INDEX action_logs_by_logger_name ON action_logs (channel_id, logger_name, created_at, position)
    WHERE logger_name IS NOT NULL;

-- As for `events`: a fixed figure, so that every database goes by the same plans; and has this connection read it.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('action_logs', 'action_logs_by_logger_name', '1000000 100000 1000 2 1');
ANALYZE sqlite_schema;
