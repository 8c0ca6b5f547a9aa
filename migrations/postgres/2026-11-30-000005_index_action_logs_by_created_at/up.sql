CREATE INDEX action_logs_by_created_at ON action_logs (channel_id, created_at, position);
