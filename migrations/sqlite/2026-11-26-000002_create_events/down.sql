-- It stands on `logs`, so it would outlive the table.
DROP TRIGGER logs_follow_events;
DROP TABLE events;
DELETE FROM sqlite_stat1 WHERE tbl = 'events';
