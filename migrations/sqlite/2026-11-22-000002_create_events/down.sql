DROP TRIGGER logs_follow_events;
DROP VIEW events_readable;
DROP TABLE events;
