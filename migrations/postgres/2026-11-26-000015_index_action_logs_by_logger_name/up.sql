CREATE INDEX action_logs_by_logger_name ON action_logs (channel_id, logger_name, created_at, position)
    WHERE logger_name IS NOT NULL;
