DROP INDEX events_by_content_type;
