CREATE INDEX events_by_action ON events (channel_id, action, timestamp, position) WHERE action IS NOT NULL;
