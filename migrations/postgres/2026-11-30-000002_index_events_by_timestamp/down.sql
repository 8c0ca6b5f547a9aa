DROP INDEX events_by_timestamp;
