DROP VIEW action_logs_readable;
