CREATE INDEX events_by_table_name ON events (channel_id, table_name, timestamp, position) WHERE table_name IS NOT NULL;
