CREATE INDEX events_by_object_id ON events (channel_id, object_id, timestamp, position) WHERE object_id IS NOT NULL;
