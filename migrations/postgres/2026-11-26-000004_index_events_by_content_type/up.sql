CREATE INDEX events_by_content_type ON events (channel_id, content_type, timestamp, position) WHERE content_type IS NOT NULL;
