DROP INDEX action_logs_by_app_name;
