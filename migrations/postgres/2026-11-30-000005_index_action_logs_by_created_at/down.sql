DROP INDEX action_logs_by_created_at;
