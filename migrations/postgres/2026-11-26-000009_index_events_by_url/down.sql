DROP INDEX events_by_url;
