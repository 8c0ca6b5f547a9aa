-- Exact counts, moved in the transaction of each append: how many entries of a log have a value (`key`, the form of the filter
-- column) in a dimension, for all time and by the hour in which they happened (its start, in microseconds). The numbers of
-- dimensions are those of `audit-store/src/counters/dimension.rs`. A projection of the log: `audit-server rebuild` makes it anew,
-- so there is no guard.
-- Rows are updated all the time: the room that each page keeps lets a new version stay beside the old one, without a change of the
-- index.
CREATE TABLE counters (
    channel_id BIGINT NOT NULL,
    stream SMALLINT NOT NULL,
    dimension SMALLINT NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (channel_id, stream, dimension, key)
) WITH (fillfactor = 80);
