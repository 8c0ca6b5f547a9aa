DROP VIEW events_readable;
DROP TABLE events;
