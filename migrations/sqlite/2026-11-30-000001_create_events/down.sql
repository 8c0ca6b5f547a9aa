-- The trigger is on `logs`, so dropping the table does not drop it.
DROP TRIGGER logs_follow_events;
DROP TABLE events;
DELETE FROM sqlite_stat1 WHERE tbl = 'events';
