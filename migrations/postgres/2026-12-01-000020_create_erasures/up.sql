-- The erasures of each log: one row for each entry `AUDIT.ERASE`, inserted with it. A server that
-- ends in the middle of one continues from `erased_to`.
CREATE TABLE erasures (
    channel_id BIGINT NOT NULL,
    stream SMALLINT NOT NULL,
    -- The position of the entry, which names the positions and slots.
    position BIGINT NOT NULL,
    -- The first and the last position, and the number of entries, that it names.
    first BIGINT NOT NULL CHECK (first >= 0),
    last BIGINT NOT NULL CHECK (last >= first AND last < position),
    entries BIGINT NOT NULL CHECK (entries >= 1 AND entries <= last - first + 1),
    -- Of the entries with a smaller position, the values are erased.
    erased_to BIGINT NOT NULL CHECK (erased_to >= first AND erased_to <= last + 1),
    -- The time from which no row has the values (microseconds).
    finished_at BIGINT CHECK (finished_at IS NULL OR erased_to = last + 1),
    PRIMARY KEY (channel_id, stream, position)
);
