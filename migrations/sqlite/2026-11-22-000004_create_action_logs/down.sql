DROP VIEW action_logs_readable;
DROP TRIGGER logs_follow_action_logs;
DROP TABLE action_logs;
