DROP TABLE log_names;
