CREATE INDEX events_by_user_id ON events (channel_id, user_id, timestamp, position) WHERE user_id IS NOT NULL;
