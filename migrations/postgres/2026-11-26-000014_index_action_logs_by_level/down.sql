DROP INDEX action_logs_by_level;
