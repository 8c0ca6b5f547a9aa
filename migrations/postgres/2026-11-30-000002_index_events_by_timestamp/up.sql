CREATE INDEX events_by_timestamp ON events (channel_id, timestamp, position);
