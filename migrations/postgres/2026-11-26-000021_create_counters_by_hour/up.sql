-- The counters of each hour; apart, so that the sums of a dimension lie together.
CREATE TABLE counters_by_hour (
    channel_id BIGINT NOT NULL,
    stream SMALLINT NOT NULL,
    dimension SMALLINT NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    hour BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (channel_id, stream, dimension, key, hour)
) WITH (fillfactor = 80);
