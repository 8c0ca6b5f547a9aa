-- The tiles of the trees (C2SP tlog-tiles): up to 256 neighbouring hashes of 32 bytes, level 0 those of
-- the leaves, level 1 those of subtrees of 256 leaves, and so on. A tile follows from the entries of its
-- log, so it may be deleted: `audit-server rebuild` repairs it after it compared the root with `trees`.
CREATE TABLE tiles (
    channel_id BIGINT NOT NULL,
    stream SMALLINT NOT NULL,
    level SMALLINT NOT NULL CHECK (level BETWEEN 0 AND 7),
    tile BIGINT NOT NULL CHECK (tile >= 0),
    hashes BYTEA NOT NULL CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0),
    PRIMARY KEY (channel_id, stream, level, tile)
);
