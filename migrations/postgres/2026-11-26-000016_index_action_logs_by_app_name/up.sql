CREATE INDEX action_logs_by_app_name ON action_logs (channel_id, app_name, created_at, position) WHERE app_name IS NOT NULL;
