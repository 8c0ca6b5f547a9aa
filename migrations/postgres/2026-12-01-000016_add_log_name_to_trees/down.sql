ALTER TABLE trees DROP COLUMN log_name;
