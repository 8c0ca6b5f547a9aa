-- The tree of each log (RFC 6962): the number of its leaves, and its root. The hashes are in `tiles`.
-- A tree follows its log a moment after each append. The row is the lock of the tree: one server at a
-- time makes it grow.
CREATE TABLE trees (
    channel_id BIGINT NOT NULL,
    stream SMALLINT NOT NULL,
    size BIGINT NOT NULL CHECK (size >= 0),
    root BYTEA NOT NULL CHECK (octet_length(root) = 32),
    PRIMARY KEY (channel_id, stream)
);
