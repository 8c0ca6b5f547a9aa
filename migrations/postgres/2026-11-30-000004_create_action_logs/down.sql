DROP TABLE action_logs;
