DROP TRIGGER logs_follow_action_logs;
DROP TABLE action_logs;
DELETE FROM sqlite_stat1 WHERE tbl = 'action_logs';
