-- The tree of each log (RFC 6962): the number of its leaves, and its root. The hashes are in `tiles`.
-- A tree follows its log a moment after each append.
CREATE TABLE trees (
    channel_id BIGINT NOT NULL,
    stream SMALLINT NOT NULL,
    size BIGINT NOT NULL CHECK (size >= 0),
    root BLOB NOT NULL CHECK (length(root) = 32),
    PRIMARY KEY (channel_id, stream)
) WITHOUT ROWID;

-- A tree that became smaller, or got another root, would be that of another past.
CREATE TRIGGER trees_only_grow BEFORE UPDATE ON trees
WHEN NEW.channel_id IS NOT OLD.channel_id OR NEW.stream IS NOT OLD.stream OR NEW.size <= OLD.size
BEGIN
    SELECT RAISE(ABORT, 'trees: a tree only grows');
END;

CREATE TRIGGER trees_start_empty BEFORE INSERT ON trees
WHEN NEW.size IS NOT 0
BEGIN
    SELECT RAISE(ABORT, 'trees: a tree starts empty');
END;

CREATE TRIGGER trees_keep_rows BEFORE DELETE ON trees
BEGIN
    SELECT RAISE(ABORT, 'trees: a tree is never deleted');
END;

CREATE TRIGGER trees_refuse_replace BEFORE INSERT ON trees
WHEN EXISTS (SELECT 1 FROM trees WHERE channel_id = NEW.channel_id AND stream = NEW.stream)
BEGIN
    SELECT RAISE(ABORT, 'trees: a tree is never replaced');
END;
