CREATE INDEX events_by_url ON events (channel_id, url, timestamp, position) WHERE url IS NOT NULL;
