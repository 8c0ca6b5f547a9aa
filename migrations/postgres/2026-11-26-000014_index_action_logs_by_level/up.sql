CREATE INDEX action_logs_by_level ON action_logs (channel_id, level, created_at, position) WHERE level IS NOT NULL;
