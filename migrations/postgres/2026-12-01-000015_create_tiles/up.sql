-- The tiles of the trees (C2SP tlog-tiles): up to 256 neighbouring hashes of 32 bytes, level 0 those of
-- the leaves, level 1 those of subtrees of 256 leaves, and so on. A tile follows from the entries of its
-- log, so it may be deleted: `audit-server rebuild` makes it again and compares the root with `trees`.
CREATE TABLE tiles (
    channel_id BIGINT NOT NULL,
    stream SMALLINT NOT NULL,
    level SMALLINT NOT NULL,
    tile BIGINT NOT NULL,
    hashes BYTEA NOT NULL CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0),
    PRIMARY KEY (channel_id, stream, level, tile)
);
