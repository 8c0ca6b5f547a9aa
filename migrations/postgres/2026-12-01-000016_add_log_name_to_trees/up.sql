-- The name of the logs under which the tree was begun: its number in `log_names`. After a new name, each
-- tree starts again from position 0.
ALTER TABLE trees ADD COLUMN log_name BIGINT NOT NULL DEFAULT 1 CHECK (log_name >= 1);
