-- The name of the logs under which the tree was begun: its number in `log_names`. After a new name, each
-- tree starts again from position 0.
ALTER TABLE trees ADD COLUMN log_name BIGINT NOT NULL DEFAULT 1 CHECK (log_name >= 1);

DROP TRIGGER trees_only_grow;

-- A tree that became smaller, or got another root, would be that of another past.
CREATE TRIGGER trees_only_grow BEFORE UPDATE ON trees
WHEN NEW.channel_id IS NOT OLD.channel_id OR NEW.stream IS NOT OLD.stream OR NOT (
    (NEW.log_name IS OLD.log_name AND NEW.size > OLD.size) OR (NEW.log_name > OLD.log_name AND NEW.size IS 0)
)
BEGIN
    SELECT RAISE(ABORT, 'trees: a tree only grows, or starts again under a new name');
END;
