DROP VIEW events_readable;
