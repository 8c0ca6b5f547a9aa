DROP TRIGGER trees_only_grow;

ALTER TABLE trees DROP COLUMN log_name;

CREATE TRIGGER trees_only_grow BEFORE UPDATE ON trees
WHEN NEW.channel_id IS NOT OLD.channel_id OR NEW.stream IS NOT OLD.stream OR NEW.size <= OLD.size
BEGIN
    SELECT RAISE(ABORT, 'trees: a tree only grows');
END;
