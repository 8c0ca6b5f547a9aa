-- A view for people at a SQL prompt. Instants are in UTC, whatever the time zone of the session is.
CREATE VIEW action_logs_readable AS
SELECT
    channel_id,
    position + 1 AS id,
    encode(substr(uuid, 1, 4), 'hex') || '-' || encode(substr(uuid, 5, 2), 'hex') || '-' || encode(substr(uuid, 7, 2), 'hex') || '-'
        || encode(substr(uuid, 9, 2), 'hex') || '-' || encode(substr(uuid, 11), 'hex') AS uuid,
    to_char(TIMESTAMP '1970-01-01' + (created_at / 86400000000) * INTERVAL '1 day'
            + (created_at % 86400000000) * INTERVAL '1 microsecond',
        'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at,
    to_char(TIMESTAMP '1970-01-01' + (recorded_at / 86400000000) * INTERVAL '1 day'
            + (recorded_at % 86400000000) * INTERVAL '1 microsecond',
        'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS recorded_at,
    producer_id,
    level,
    logger_name,
    app_name,
    correlation_id,
    message,
    trace,
    extra,
    masked,
    encode(leaf_hash, 'hex') AS leaf_hash
FROM action_logs;
