CREATE INDEX events_by_user_name ON events (channel_id, user_name, timestamp, position) WHERE user_name IS NOT NULL;
