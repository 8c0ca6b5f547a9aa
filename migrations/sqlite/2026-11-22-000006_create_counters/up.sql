-- Exact counts, moved in the transaction of each append: how many entries of a log have a value (`key`, the form of the filter
-- column) in a dimension, for all time and by the hour in which they happened (its start, in microseconds). The numbers of
-- dimensions are those of `audit-store/src/counters/dimension.rs`. A projection of the log: `audit-server rebuild` makes it anew,
-- so there is no guard.
CREATE TABLE counters (
    channel_id BIGINT NOT NULL,
    stream SMALLINT NOT NULL,
    dimension SMALLINT NOT NULL,
    key TEXT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (channel_id, stream, dimension, key)
) WITHOUT ROWID;

CREATE TABLE counters_by_hour (
    channel_id BIGINT NOT NULL,
    stream SMALLINT NOT NULL,
    dimension SMALLINT NOT NULL,
    key TEXT NOT NULL,
    hour BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (channel_id, stream, dimension, key, hour)
) WITHOUT ROWID;

-- What is in the log already.
INSERT INTO counters (channel_id, stream, dimension, key, count)
SELECT channel_id, 1, 0, '', COUNT(*) FROM events GROUP BY channel_id
UNION ALL SELECT channel_id, 1, 1, CAST(content_type AS TEXT), COUNT(*) FROM events WHERE content_type IS NOT NULL
    GROUP BY channel_id, content_type
UNION ALL SELECT channel_id, 1, 2, table_name, COUNT(*) FROM events WHERE table_name IS NOT NULL GROUP BY channel_id, table_name
UNION ALL SELECT channel_id, 1, 3, action, COUNT(*) FROM events WHERE action IS NOT NULL GROUP BY channel_id, action
UNION ALL SELECT channel_id, 1, 4, user_id, COUNT(*) FROM events WHERE user_id IS NOT NULL GROUP BY channel_id, user_id
UNION ALL SELECT channel_id, 1, 5, COALESCE(user_name, user_id), COUNT(*) FROM events
    WHERE COALESCE(user_name, user_id) IS NOT NULL GROUP BY channel_id, COALESCE(user_name, user_id)
UNION ALL SELECT channel_id, 2, 0, '', COUNT(*) FROM action_logs GROUP BY channel_id
UNION ALL SELECT channel_id, 2, 6, CAST(level AS TEXT), COUNT(*) FROM action_logs WHERE level IS NOT NULL
    GROUP BY channel_id, level
UNION ALL SELECT channel_id, 2, 7, logger_name, COUNT(*) FROM action_logs WHERE logger_name IS NOT NULL
    GROUP BY channel_id, logger_name
UNION ALL SELECT channel_id, 2, 8, app_name, COUNT(*) FROM action_logs WHERE app_name IS NOT NULL GROUP BY channel_id, app_name;

INSERT INTO counters_by_hour (channel_id, stream, dimension, key, hour, count)
SELECT channel_id, 1, dimension, key, hour, COUNT(*) FROM (
    SELECT channel_id, 0 AS dimension, '' AS key, timestamp - ((timestamp % 3600000000) + 3600000000) % 3600000000 AS hour
    FROM events
    UNION ALL SELECT channel_id, 1, CAST(content_type AS TEXT), timestamp - ((timestamp % 3600000000) + 3600000000) % 3600000000
    FROM events WHERE content_type IS NOT NULL
    UNION ALL SELECT channel_id, 2, table_name, timestamp - ((timestamp % 3600000000) + 3600000000) % 3600000000
    FROM events WHERE table_name IS NOT NULL
    UNION ALL SELECT channel_id, 3, action, timestamp - ((timestamp % 3600000000) + 3600000000) % 3600000000
    FROM events WHERE action IS NOT NULL
) GROUP BY channel_id, dimension, key, hour
UNION ALL
SELECT channel_id, 2, dimension, key, hour, COUNT(*) FROM (
    SELECT channel_id, 0 AS dimension, '' AS key, created_at - ((created_at % 3600000000) + 3600000000) % 3600000000 AS hour
    FROM action_logs
    UNION ALL SELECT channel_id, 6, CAST(level AS TEXT), created_at - ((created_at % 3600000000) + 3600000000) % 3600000000
    FROM action_logs WHERE level IS NOT NULL
    UNION ALL SELECT channel_id, 7, logger_name, created_at - ((created_at % 3600000000) + 3600000000) % 3600000000
    FROM action_logs WHERE logger_name IS NOT NULL
    UNION ALL SELECT channel_id, 8, app_name, created_at - ((created_at % 3600000000) + 3600000000) % 3600000000
    FROM action_logs WHERE app_name IS NOT NULL
) GROUP BY channel_id, dimension, key, hour;

-- As for `events`: fixed figures for the planner.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('counters', 'counters', '100000 10000 5000 1000 1'),
    ('counters_by_hour', 'counters_by_hour', '10000000 1000000 500000 100000 1000 1');
-- Has this connection read them too.
ANALYZE sqlite_schema;
