-- The names of the logs of this database, the first part of each origin. The one with the highest number
-- is in use. A database has one name, until somebody gives it a new one because it was restored or
-- changed. Instants are in microseconds.
CREATE TABLE log_names (
    number BIGINT NOT NULL PRIMARY KEY CHECK (number >= 1),
    name TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

CREATE TRIGGER log_names_keep_rows BEFORE DELETE ON log_names
BEGIN
    SELECT RAISE(ABORT, 'log_names: a name is never deleted');
END;

CREATE TRIGGER log_names_stay BEFORE UPDATE ON log_names
BEGIN
    SELECT RAISE(ABORT, 'log_names: a name never changes');
END;

-- The rowid is as for `events`: -1 if the insert gives none.
CREATE TRIGGER log_names_refuse_replace BEFORE INSERT ON log_names
WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM log_names)
    OR EXISTS (SELECT 1 FROM log_names WHERE name = NEW.name)
    OR (NEW.rowid > 0 AND EXISTS (SELECT 1 FROM log_names WHERE rowid = NEW.rowid))
BEGIN
    SELECT RAISE(ABORT, 'log_names: number or name is taken');
END;
