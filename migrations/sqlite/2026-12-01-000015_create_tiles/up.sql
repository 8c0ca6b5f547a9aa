-- The tiles of the trees (C2SP tlog-tiles): up to 256 neighbouring hashes of 32 bytes, level 0 those of
-- the leaves, level 1 those of subtrees of 256 leaves, and so on. A tile follows from the entries of its
-- log, so it may be deleted: `audit-server rebuild` repairs it after it compared the root with `trees`.
CREATE TABLE tiles (
    channel_id BIGINT NOT NULL,
    stream SMALLINT NOT NULL,
    level SMALLINT NOT NULL CHECK (level BETWEEN 0 AND 7),
    tile BIGINT NOT NULL CHECK (tile >= 0),
    hashes BLOB NOT NULL CHECK (length(hashes) BETWEEN 32 AND 8192 AND length(hashes) % 32 = 0),
    PRIMARY KEY (channel_id, stream, level, tile)
);

-- The last tile of a level grows by appending.
CREATE TRIGGER tiles_only_grow BEFORE UPDATE ON tiles
WHEN NEW.rowid IS NOT OLD.rowid OR NEW.channel_id IS NOT OLD.channel_id OR NEW.stream IS NOT OLD.stream
    OR NEW.level IS NOT OLD.level OR NEW.tile IS NOT OLD.tile
    OR length(NEW.hashes) <= length(OLD.hashes) OR substr(NEW.hashes, 1, length(OLD.hashes)) IS NOT OLD.hashes
BEGIN
    SELECT RAISE(ABORT, 'tiles: a tile only grows');
END;

-- As for `events`: a fixed figure, so that every database has the same plans. The last statement
-- makes this connection read it.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('tiles', 'sqlite_autoindex_tiles_1', '100000 1000 1000 500 1');
ANALYZE sqlite_schema;
